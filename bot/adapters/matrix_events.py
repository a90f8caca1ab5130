"""Matrix events become events of the core. Nothing is asked of the network here, and nothing is kept."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeGuard
from urllib.parse import unquote

from bot.adapters import matrix_polls
from bot.adapters.matrix_rooms import Room, localpart
from bot.adapters.matrix_words import NETWORK, PREFIX, chosen
from bot.chat import (
    Arrival,
    BotAdded,
    Chat,
    ChatId,
    Choice,
    Departure,
    Incoming,
    Mention,
    Message,
    MessageErased,
    Sender,
    StrawVote,
    Undecryptable,
    Unreadable,
    UserId,
)
from bot.router import Commands

Json = dict[str, Any]

ENCRYPTED = "m.room.encrypted"
BODY_CHARACTERS_MAX = 8000
"""No command is nearly so long; the rest of what somebody wrote is not read."""
HTML_CHARACTERS_MAX = 20_000
"""In HTML that is longer nobody is looked for."""
ID_CHARACTERS_MAX = 255
_PILL = re.compile(r"(?:https?://matrix\.to/#/(?:@|%40)|matrix:u(?:ser)?/)([^/?#]+)", re.IGNORECASE)
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn what follows around: repeated in an answer they could make it lie."""
_TAG = re.compile(r"<([^<>]*)>")
_TAG_NAME = re.compile(r"/?([A-Za-z][A-Za-z0-9-]*)")
_HREF = re.compile(r"\shref\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.IGNORECASE)
_BREAKS = frozenset({"br", "p", "div", "li"})
_FALLBACK = re.compile(r"(?:>[^\n]*(?:\n|$))+\n?")
"""Older clients put what they answer to before the answer."""
_NAMED_AT = re.compile(r"\s*[:,]?\s*")


class Malformed(Exception):
    """An event that its type does not allow."""


class Converter:
    """Reads the events of rooms. `me` is the bot's own account."""

    def __init__(self, me: str, *, commands: Commands, now: Callable[[], datetime]) -> None:
        self._me = me
        self._commands = commands
        self._now = now

    def incoming(
        self,
        room: Room,
        chat: Chat,
        event: Json,
        authors: Mapping[str, str],
        *,
        before: Mapping[str, str] | None = None,
        threads: Mapping[str, str] | None = None,
    ) -> Incoming | None:
        """What an event means to the core; None: nothing.

        `authors`: who wrote the messages that are answered to. `before`: the memberships before a membership event.
        `threads`: the first messages of the threads that messages are in. A malformed event becomes Unreadable.
        """
        try:
            return self._convert(room, chat, event, authors, before or {}, threads or {})
        except (Malformed, RecursionError, ValueError):
            return Unreadable(event=str(event.get("event_id", "")), at=self._at(event), chat=chat)

    def answers_to(self, room: Room, event: Json) -> str | None:
        """The message that an event answers to, where the author of it must be known to understand the event."""
        content = event.get("content")
        if event.get("type") in matrix_polls.RESPONSES and event.get("sender") != self._me:
            return _referred(event)
        if event.get("type") != "m.room.message" or not isinstance(content, dict) or is_edit(event):
            return None
        answered, body = answered_by(content), content.get("body")
        if answered is None or not isinstance(body, str) or event.get("sender") == self._me:
            return None
        body = _without_fallback(_ODD.sub("", body[:BODY_CHARACTERS_MAX]))
        text, _, _ = self._addressed(room, body, _pills(content, body))
        # Nobody else need be asked about what is only talk.
        return answered if chosen(body) is not None or self._commands.line(text) is not None else None

    def concerns(self, message: Message) -> bool:
        """Whether a message is for the bot at all, and not talk among people."""
        return message.chat.private or message.addressed or self._commands.line(message.text) is not None

    def _convert(
        self,
        room: Room,
        chat: Chat,
        event: Json,
        authors: Mapping[str, str],
        before: Mapping[str, str],
        threads: Mapping[str, str],
    ) -> Incoming | None:
        kind, sender = event.get("type"), event.get("sender")
        if not isinstance(event.get("event_id"), str) or not isinstance(sender, str):
            raise Malformed
        if kind == "m.room.member" and "state_key" in event:
            return self._member(room, chat, event, before)
        if kind == "m.room.redaction":
            return self._redaction(chat, event)
        if sender == self._me:
            return None
        match kind:
            case "m.room.message":
                return self._message(room, chat, event, authors)
            case "m.reaction":
                return self._reaction(room, chat, event, threads)
            case "m.room.encrypted":
                return self._encrypted(room, chat, event)
            case matrix_polls.RESPONSE | matrix_polls.RESPONSE_UNSTABLE:
                return self._vote(room, chat, event, authors)
            case _:
                return None

    # --- kinds -------------------------------------------------------------------------------------------------

    def _message(self, room: Room, chat: Chat, event: Json, authors: Mapping[str, str]) -> Incoming | None:
        content = _content(event)
        if not content:
            # What was erased has no content any more.
            return None
        if is_edit(event):
            return self._edited(room, chat, event, content.get("m.new_content"))
        kind, body = content.get("msgtype"), content.get("body")
        if not isinstance(kind, str) or not isinstance(body, str):
            raise Malformed
        captioned = kind == "m.file" and content.get("filename") not in (None, body)
        if kind != "m.text" and not captioned:
            # Notices are what bots say, and pictures say no command; under a file there may be one.
            return None
        body, answered = _ODD.sub("", body[:BODY_CHARACTERS_MAX]), answered_by(content)
        if answered is not None:
            body = _without_fallback(body)
        author = authors.get(answered) if answered else None
        who = self._sender(room, event["sender"])
        if author == self._me and answered is not None and (number := chosen(body)) is not None:
            return Choice(
                **self._frame(event, chat, topic=thread_of(event)),
                sender=who,
                number=number,
                message=answered,
                manages_chat=room.manages(event["sender"]),
            )
        pills = _pills(content, body)
        text, addressed, mentions = self._addressed(room, body, pills)
        return Message(
            **self._frame(event, chat, topic=thread_of(event)),
            sender=who,
            text=text,
            message=event["event_id"],
            addressed=addressed,
            reply_to=self._sender(room, author) if author is not None else None,
            mentions=tuple(
                Mention(start=start, end=end, person=self._sender(room, user)) for start, end, user in mentions
            ),
            manages_chat=room.manages(event["sender"]),
        )

    def _edited(self, room: Room, chat: Chat, event: Json, content: object) -> Incoming | None:
        """Other words in an earlier message; whoever else has sent them, clients do not show them."""
        message = _relation(event).get("event_id")
        if not isinstance(content, dict) or not _is_id(message):
            return None
        body = content.get("body")
        if content.get("msgtype") != "m.text" or not isinstance(body, str):
            return None
        body = _ODD.sub("", body[:BODY_CHARACTERS_MAX])
        text, addressed, _ = self._addressed(room, body, _pills(content, body))
        return Message(
            **self._frame(event, chat, topic=thread_of(event)),
            sender=self._sender(room, event["sender"]),
            text=text,
            message=message,
            addressed=addressed,
            edited=True,
        )

    def _addressed(
        self, room: Room, body: str, pills: list[tuple[int, int, str]]
    ) -> tuple[str, bool, list[tuple[int, int, str]]]:
        """The text as the core reads commands, whether the bot is named in it, and where people are."""
        addressed, start = False, len(body) - len(body.lstrip())
        first = next(((end, user) for begin, end, user in pills if begin <= start < end), None)
        if first is not None and first[1] == self._me:
            addressed, start = True, _NAMED_AT.match(body, first[0]).end()  # type: ignore[union-attr]
        else:
            for name in (self._me, room.name_of(self._me), localpart(self._me)):
                spoken_to = rf"\s*(@?){re.escape(name)}(\s*[:,]\s*|\s+)"
                found = re.match(spoken_to, body, re.IGNORECASE) if name else None
                if found is not None and (found[1] or found[2].strip() or self._begins_command(body[found.end() :])):
                    # The name alone, at the head of a sentence, is more often talk about the bot than to it.
                    addressed, start = True, found.end()
                    break
        text, mark = body[start:], ""
        if re.match(rf"{PREFIX}[A-Za-z]", text):
            text, start, mark = text[1:], start + 1, "/"
        elif addressed and self._begins_command(text):
            mark = "" if text.startswith("/") else "/"
        named = [
            (begin - start + len(mark), end - start + len(mark), user)
            for begin, end, user in pills
            if begin >= start and user != self._me
        ]
        addressed = addressed or any(user == self._me for _, _, user in pills)
        return mark + text, addressed, named

    def _begins_command(self, text: str) -> bool:
        """Whether a text begins with the name of a command that people type, or with the mark of one."""
        if re.match(rf"[{PREFIX}/][A-Za-z]", text):
            return True
        word = re.match(r"[A-Za-z][A-Za-z0-9_]{0,63}(?=\s|$)", text)
        command = self._commands.get(word.group().lower()) if word is not None else None
        return command is not None and command.typed

    def _reaction(self, room: Room, chat: Chat, event: Json, threads: Mapping[str, str]) -> Incoming | None:
        content = _content(event)
        if not content:
            return None
        relation = content.get("m.relates_to")
        if not isinstance(relation, dict):
            raise Malformed
        key, message = relation.get("key"), relation.get("event_id")
        if relation.get("rel_type") != "m.annotation" or not isinstance(key, str) or not _is_id(message):
            raise Malformed
        number = chosen(key)
        if number is None:
            return None
        return Choice(
            **self._frame(event, chat, topic=threads.get(message)),
            sender=self._sender(room, event["sender"]),
            number=number,
            message=message,
            manages_chat=room.manages(event["sender"]),
        )

    def _vote(self, room: Room, chat: Chat, event: Json, authors: Mapping[str, str]) -> Incoming | None:
        """A vote in a poll of the bot's own; those that people begin among themselves are none of its business."""
        poll, content = _referred(event), _content(event)
        if poll is None or not content or authors.get(poll) != self._me:
            return None
        return StrawVote(
            **self._frame(event, chat),
            sender=self._sender(room, event["sender"]),
            poll=poll,
            options=matrix_polls.chosen(event),
        )

    def _encrypted(self, room: Room, chat: Chat, event: Json) -> Incoming | None:
        """One that could not be read: nothing where it was erased, or only changes another one."""
        if not _content(event) or is_edit(event):
            return None
        return Undecryptable(
            **self._frame(event, chat, topic=thread_of(event)),
            sender=self._sender(room, event["sender"]),
            message=event["event_id"],
        )

    def _redaction(self, chat: Chat, event: Json) -> Incoming | None:
        # Older rooms name it beside the content, newer ones in it.
        content = event.get("content")
        message = event.get("redacts") or (content.get("redacts") if isinstance(content, dict) else None)
        if event.get("sender") == self._me or not _is_id(message):
            return None
        return MessageErased(**self._frame(event, chat), message=message)

    def _member(self, room: Room, chat: Chat, event: Json, before: Mapping[str, str]) -> Incoming | None:
        user, membership = event.get("state_key"), _content(event).get("membership")
        if not isinstance(user, str) or not isinstance(membership, str):
            raise Malformed
        was = before.get(user, "leave")
        if user == self._me:
            return BotAdded(**self._frame(event, chat)) if membership == "join" and was != "join" else None
        person = self._sender(room, user)
        if membership == "join" and was != "join":
            by = room.members[user].by if user in room.members else None
            adder = self._sender(room, by) if by is not None and by != self._me else None
            return Arrival(**self._frame(event, chat), person=person, by=adder)
        # Whoever will not come into a private room does not want to be written to.
        if membership in ("leave", "ban") and (was == "join" or (chat.private and was == "invite")):
            return Departure(**self._frame(event, chat), person=person)
        return None

    # --- parts -------------------------------------------------------------------------------------------------

    def _frame(self, event: Json, chat: Chat, *, topic: str | None = None) -> dict[str, Any]:
        place = Chat(id=chat.id, private=chat.private, title=chat.title, topic=topic)
        return {"event": event["event_id"], "at": self._at(event), "chat": place}

    def _at(self, event: Json) -> datetime:
        stamp = event.get("origin_server_ts")
        now = self._now()
        if isinstance(stamp, bool) or not isinstance(stamp, int):
            return now
        # Servers may tell any time: the core looks no further back than a day, and not into the future.
        return min(now, datetime.fromtimestamp(max(0, min(stamp, 2**41)) / 1000, UTC))

    def _sender(self, room: Room, user: str) -> Sender:
        return Sender(
            user=UserId(f"{NETWORK}:{user}"),
            name=room.name_of(user),
            username=user.removeprefix("@"),
            bot=user == self._me,
        )


def is_edit(event: Json) -> bool:
    """Whether an event only replaces the words of another one; that can be read from encrypted ones too."""
    return _relation(event).get("rel_type") == "m.replace"


def thread_of(event: Json) -> str | None:
    """The first message of the thread that an event is in."""
    relation = _relation(event)
    root = relation.get("event_id") if relation.get("rel_type") == "m.thread" else None
    return root if _is_id(root) else None


def chat_of(room: Room, alone_with: str | None) -> Chat:
    """The chat of a room: a private one goes by the person's account, whichever room it is in."""
    if alone_with is not None:
        return Chat(id=ChatId(f"{NETWORK}:{alone_with}"), private=True)
    return Chat(id=ChatId(f"{NETWORK}:{room.id}"), private=False, title=room.title)


def _content(event: Json) -> Json:
    content = event.get("content")
    if not isinstance(content, dict):
        raise Malformed
    return content


def _relation(event: Json) -> Json:
    content = event.get("content")
    relation = content.get("m.relates_to") if isinstance(content, dict) else None
    return relation if isinstance(relation, dict) else {}


def _is_id(value: object) -> TypeGuard[str]:
    """Whether it can be the id of an event: people may write anything where one belongs."""
    return isinstance(value, str) and value.startswith("$") and len(value) <= ID_CHARACTERS_MAX


def _referred(event: Json) -> str | None:
    """The event that this one is about."""
    relation = _relation(event)
    about = relation.get("event_id") if relation.get("rel_type") == "m.reference" else None
    return about if _is_id(about) else None


def _without_fallback(body: str) -> str:
    return _FALLBACK.sub("", body, count=1) if body.startswith("> ") else body


def answered_by(content: Json) -> str | None:
    """The message that is answered to. In a thread clients without threads are told of one that nobody chose."""
    relation = content.get("m.relates_to")
    if not isinstance(relation, dict) or relation.get("is_falling_back") is True:
        return None
    answered = relation.get("m.in_reply_to")
    message = answered.get("event_id") if isinstance(answered, dict) else None
    return message if _is_id(message) else None


def _pills(content: Json, body: str) -> list[tuple[int, int, str]]:
    """Where in the text people are named by account: start, end, account; in order."""
    formatted = content.get("formatted_body")
    if (
        content.get("format") != "org.matrix.custom.html"
        or not isinstance(formatted, str)
        or len(formatted) > HTML_CHARACTERS_MAX
        or ("matrix.to" not in formatted and "matrix:u" not in formatted)
    ):
        return []
    found: list[tuple[int, int, str]] = []
    at = 0
    for gap, label, user in _links(_ODD.sub("", formatted)):
        # Some clients write the name in the plain text, and some the account.
        names = [name for name in (label, f"@{label}", user) if name.strip("@")]
        place = at + len(gap) if body.startswith(gap, at) else None
        name = next((name for name in names if place is not None and body.startswith(name, place)), None)
        if name is None:
            # The plain text is not what the HTML says: the next place where the name is a word of its own.
            ahead = ((_word_at(body, name, at), name) for name in names)
            place, name = next(((start, name) for start, name in ahead if start is not None), (None, None))
        if place is not None and name is not None:
            at = place + len(name)
            found.append((place, at, user))
    return found


def _word_at(body: str, name: str, at: int) -> int | None:
    found = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)").search(body, at)
    return found.start() if found else None


def _links(formatted: str) -> list[tuple[str, str, str]]:
    """Links to people: the text since the one before, the link's own text, and the account; without what is quoted.

    In time that grows as the text does: the standard library's parser takes minutes for what some can think of.
    """
    found: list[tuple[str, str, str]] = []
    gap: list[str] = []
    label: list[str] = []
    user: str | None = None
    quoted = at = 0
    for tag in _TAG.finditer(formatted):
        text = html.unescape(formatted[at : tag.start()])
        at = tag.end()
        if not quoted:
            (gap if user is None else label).append(text)
        inner = tag.group(1)
        name = _TAG_NAME.match(inner)
        kind, closes = (name.group(1).lower() if name else ""), inner.startswith("/")
        if kind == "mx-reply":
            quoted = max(0, quoted - 1) if closes else quoted + 1
        elif quoted:
            continue
        elif kind == "a" and closes and user is not None:
            found.append(("".join(gap), "".join(label).strip(), user))
            gap, label, user = [], [], None
        elif kind == "a" and not closes and user is None:
            user = _person(inner)
        elif kind == "br" or (kind in _BREAKS and closes):
            (gap if user is None else label).append("\n")
    return found


def _person(tag: str) -> str | None:
    """Whom a link leads to; None: to something else."""
    href = _HREF.search(tag)
    link = _PILL.match(html.unescape(next(filter(None, href.groups()), ""))) if href else None
    if link is None:
        return None
    user = "@" + unquote(link.group(1)).removeprefix("@")
    return user if ":" in user and len(user) <= ID_CHARACTERS_MAX else None
