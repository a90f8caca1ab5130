"""What is known of a Matrix room from its state: who is in it, who may do what, and where it goes on."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

CREATORS_RULE_FROM = 12
"""From this room version on, whoever created the room may do everything, and stands in no list of powers."""
SENDER_CREATES_FROM = 11
"""From this room version on, whoever sent the first event created the room; before, the event names somebody."""
STATE_POWER_DEFAULT = 50
NAME_CHARACTERS_MAX = 100
"""Servers allow any length, and a name stands in many messages."""
PRIVATE_WITH = "org.solibot.private_with"
"""In the creation event of a private room that the bot opened: with whom."""
LINKED = "org.solibot.federation"
"""In the creation event of a room of linked committees: of which wire, and which of its rooms."""
GUEST = "org.solibot.v1.guest"
"""State of a council: which bot has called a person into it. Its key is their account without the "@": with it, only
they themselves could write it."""
LINKED_PARTS = ("wire", "roster", "council", "space")
_WIRE = re.compile(r"[0-9a-f]{32}(\.[0-9]{1,6})?")


@dataclass(slots=True)
class Member:
    """Somebody in a room, or invited to it."""

    name: str
    joined: bool
    by: str | None = None
    """Who invited them; None: nobody, or it is not known."""


@dataclass(slots=True)
class Room:
    """A room that the bot is in. State events go in; nothing is ever read out of a room's id."""

    id: str
    me: str
    version: str = "1"
    creators: frozenset[str] = frozenset()
    predecessor: str | None = None
    """The room that this one takes the place of."""
    successor: str | None = None
    """The room that takes the place of this one."""
    private_with: str | None = None
    """The bot opened this room to talk with that person alone."""
    encrypted: bool = False
    title: str = ""
    powers: Json | None = None
    """None: nobody has said."""
    members: dict[str, Member] = field(default_factory=dict)
    linked: tuple[str, str] | None = None
    """Of which federation's wire it is a room, and which of its rooms; None: it is a chat."""
    made_at: int = 0
    """When it was made, in milliseconds, by the clock of the server where it was."""
    settings: dict[str, Json] = field(default_factory=dict)
    """Who may come in and who may read what."""
    banned: set[str] = field(default_factory=set)
    holds: set[str] = field(default_factory=set)
    """Of a space: the rooms in it."""
    guests: dict[str, str] = field(default_factory=dict)
    """Of a council: the people who were called into it, and each by which bot."""

    def take(self, event: Mapping[str, Any]) -> None:
        """A state event. One that makes no sense is passed over: servers let some through."""
        content = event.get("content")
        if not isinstance(content, dict):
            return
        match event.get("type"), event.get("state_key"):
            case "m.room.create", "":
                self._created(content, str(event.get("sender", "")))
                stamp = event.get("origin_server_ts")
                self.made_at = stamp if isinstance(stamp, int) else 0
            case "m.room.power_levels", "":
                self.powers = content
            case "m.room.encryption", "":
                # Encryption is never switched off again.
                self.encrypted = True
            case "m.room.name", "":
                self.title = _words(content.get("name"))
            case "m.room.tombstone", "":
                successor = content.get("replacement_room")
                self.successor = successor if isinstance(successor, str) and successor else None
            case (
                "m.room.join_rules" | "m.room.history_visibility" | "m.room.guest_access" | "m.room.server_acl"
            ) as kind, "":
                self.settings[kind] = content
            case "m.space.child", str(room):
                (self.holds.add if content.get("via") else self.holds.discard)(room)
            case kind, str(user) if kind == GUEST:
                if content.get("called") is True and isinstance(sender := event.get("sender"), str):
                    self.guests[f"@{user}"] = sender
                else:
                    self.guests.pop(f"@{user}", None)
            case "m.room.member", str(user):
                self._member(user, content, event.get("sender"))
            case _:
                pass

    def _created(self, content: Json, sender: str) -> None:
        version = content.get("room_version", "1")
        self.version = version if isinstance(version, str) else "1"
        number, additional = _number(self.version), content.get("additional_creators")
        more = [user for user in additional if isinstance(user, str)] if isinstance(additional, list) else []
        if number >= CREATORS_RULE_FROM:
            self.creators = frozenset([sender, *more])
        else:
            named = content.get("creator") if 0 < number < SENDER_CREATES_FROM else sender
            self.creators = frozenset([named] if isinstance(named, str) else [])
        before = content.get("predecessor")
        if isinstance(before, dict) and isinstance(before.get("room_id"), str):
            self.predecessor = before["room_id"]
        self.linked = link_of(content)
        alone_with = content.get(PRIVATE_WITH)
        if sender == self.me and isinstance(alone_with, str):
            self.private_with = alone_with

    def _member(self, user: str, content: Json, sender: object) -> None:
        membership = content.get("membership")
        (self.banned.add if membership == "ban" else self.banned.discard)(user)
        if membership in ("join", "invite"):
            name = _words(content.get("displayname")) or localpart(user)
            before = self.members.get(user)
            by = before.by if before is not None else None
            if membership == "invite":
                by = sender if isinstance(sender, str) and sender != user else None
            self.members[user] = Member(name, membership == "join", by)
        else:
            self.members.pop(user, None)

    # --- who may what ------------------------------------------------------------------------------------------

    def power(self, user: str) -> float:
        """How much somebody may do here; whoever created a room of the newer versions: everything."""
        if _number(self.version) >= CREATORS_RULE_FROM and user in self.creators:
            return math.inf
        if self.powers is None:
            return 100 if user in self.creators else 0
        users = self.powers.get("users")
        default = _level(self.powers.get("users_default"), 0)
        return _level(users.get(user), default) if isinstance(users, dict) else default

    def needed(self, kind: str, *, state: bool = False) -> float:
        """The power that sending an event of this type takes."""
        powers = self.powers or {}
        default = _level(powers.get("events_default"), 0)
        if state:
            default = _level(powers.get("state_default"), STATE_POWER_DEFAULT)
        events = powers.get("events")
        return _level(events.get(kind), default) if isinstance(events, dict) else default

    def may_send(self, user: str, kind: str, *, state: bool = False) -> bool:
        """Whether somebody in the room has the power for it."""
        return self.power(user) >= self.needed(kind, state=state)

    def manages(self, user: str) -> bool:
        """Whether somebody looks after the room: may change its settings, as moderators do."""
        return self.power(user) >= max(STATE_POWER_DEFAULT, self.needed("m.room.name", state=True))

    # --- who is here -------------------------------------------------------------------------------------------

    def name_of(self, user: str) -> str:
        """What somebody is called here."""
        member = self.members.get(user)
        return member.name if member else localpart(user)

    def others(self) -> int:
        """How many there are but the bot, those invited too."""
        return len(self.members) - (self.me in self.members)

    def size(self) -> int:
        """How many people have joined, without the bot."""
        return sum(member.joined for user, member in self.members.items() if user != self.me)

    def meant_for(self, directs: Mapping[str, Iterable[str]]) -> str | None:
        """For a talk in private with whom this room was made, by itself or by what the account keeps; None: a group.

        `directs`: for each person the rooms that are marked as private with them.
        """
        if self.private_with is not None:
            return self.private_with
        marked = [user for user, rooms in directs.items() if self.id in rooms]
        return next((user for user in marked if user in self.members), marked[0] if marked else None)

    def alone_with(self, directs: Mapping[str, Iterable[str]]) -> str | None:
        """With whom the bot talks here in private; None: it is a group, or somebody third is here."""
        if self.others() > 1:
            return None
        user = self.meant_for(directs)
        return user if user in self.members or not self.others() else None


def link_of(created: Mapping[str, Any]) -> tuple[str, str] | None:
    """Of which federation's wire a room is, and which of its rooms, by its creation event; None: it is a chat."""
    said = created.get(LINKED)
    if not isinstance(said, dict):
        return None
    wire, part = said.get("wire"), said.get("part")
    if not isinstance(wire, str) or not isinstance(part, str):
        return None
    return (wire, part) if _WIRE.fullmatch(wire) and part in LINKED_PARTS else None


def localpart(user: str) -> str:
    """`ana` of `@ana:example.org:8448`."""
    return user.removeprefix("@").partition(":")[0]


def server_of(user: str) -> str:
    """`example.org:8448` of `@ana:example.org:8448`: all that follows the first colon."""
    return user.partition(":")[2]


_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\u2060\ufeff]")
"""Control characters, those that turn what follows around, and those that take no space."""


def _words(value: object) -> str:
    """A name as it may stand in the middle of a sentence."""
    if not isinstance(value, str):
        return ""
    # No further than any name goes: somebody may send one as long as an event.
    name = " ".join(_UNSEEN.sub(" ", value[: 10 * NAME_CHARACTERS_MAX]).split())
    return name if len(name) <= NAME_CHARACTERS_MAX else name[: NAME_CHARACTERS_MAX - 1].rstrip() + "…"


def _number(version: str) -> int:
    return int(version) if re.fullmatch(r"[0-9]{1,4}", version) else 0


def _level(value: object, default: float) -> float:
    """A power level; old rooms have them as text, and some are nonsense."""
    if isinstance(value, bool):
        return default
    if isinstance(value, int):
        return value
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,18}\s*", value):
        return int(value)
    return default
