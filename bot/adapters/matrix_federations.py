"""The rooms of linked committees at Matrix: how they are made, who is in them, and what bots tell each other there.

A federation is a private space with three rooms of version 12: the roster (who takes part), the wire (what the bots
tell each other), and the council, encrypted, where members of all committees talk. Matrix only carries: what counts is
what committees have signed. See docs/decisions/0063-matrix-wires.md.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.adapters.matrix_api import ApiProblem, Unreachable, path
from bot.adapters.matrix_rooms import GUEST, LINKED, LINKED_PARTS, Json, Room, server_of
from bot.adapters.matrix_wire import Wire
from bot.adapters.matrix_words import NETWORK
from bot.chat import (
    Chat,
    ChatId,
    Dispatcher,
    NotReached,
    Refused,
    WireDoors,
    WireText,
    door_of,
    native,
    wire_of,
)
from bot.text import Reader, T, Text, shown

log = logging.getLogger(__name__)

SEALED = "org.solibot.v1.sealed"
"""An envelope, in the timeline of the wire."""
PROFILE = "org.solibot.v1.profile"
"""Which versions a bot speaks: state of the roster under its own account, which nobody else can write."""
DOOR = "org.solibot.v1.door"
"""Text for a bot that is not on the same wire yet, straight to its devices."""
DOOR_GOT = "org.solibot.v1.door_got"
"""That it was taken in."""
TEXT_CHARACTERS_MAX = 50_000
VERSION = "12"
POWER = 50
"""What bots have in the rooms in which people are."""
HEARD_AT_DOOR_MAX = 30
"""So much is taken in at the door in a minute, and a third of it from one account; whoever knocks, knocks again."""
WAITING_MAX = 50
"""So many invitations wait at one time until it is known here that one is linked."""
PROBED_AT_ONCE_MAX = 8
PROBE_SECONDS_MAX = 10.0
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")

_SETTINGS: Mapping[str, Json] = {
    "m.room.join_rules": {"join_rule": "invite"},
    "m.room.history_visibility": {"history_visibility": "joined"},
    "m.room.guest_access": {"guest_access": "forbidden"},
}
_NAMES: Mapping[str, Text] = {
    "wire": T("For bots: what linked committees tell each other"),
    "roster": T("For bots: who is linked"),
    "council": T("Council of linked committees"),
}
_TOPICS: Mapping[str, Text] = {
    "wire": T("Only bots write here, and people cannot read it."),
    "roster": T("Only bots write here."),
    "council": T("Members of all linked committees talk here. The bots say nothing here and carry nothing out."),
    "space": T("Committees that are linked and stay their own masters."),
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may take, in seconds."""

    door: float = 10.0
    """For the word that something was taken in at another's door."""
    invitation: float = 3600.0
    """An invitation may come before it is known here that one is linked."""
    probe: float = 20.0
    """So often the other homeservers are looked at."""
    stranger: float = 900.0
    """Somebody may be let in by another committee before its word of it comes."""
    beats: float = 5.0
    """How far on has come is told no more often."""
    rooms: float = 30.0
    """Where others are linked already, so long their invitation may take before the rooms are made here."""
    power: float = 120.0
    """So long a bot waits in the room where people talk for the power to call them."""
    look: float = 600.0
    """So often the rooms are compared with what they should be, and soon after something changed there."""
    look_soon: float = 30.0


def powers(part: str, bots: frozenset[str], creators: frozenset[str]) -> Json:
    """Who may do what in a room: whoever made it anything, which in this version stands in no list.

    Where only bots are, each may call another and say what bots say, and no more. Where people are, bots call them.
    """
    whole: Json = {
        "ban": 50, "kick": 50, "redact": 50, "users_default": 0, "state_default": 100, "events_default": 50,
        "invite": 0, "users": {}, "events": {},
    }  # fmt: skip
    if part == "wire":
        whole["events"] = {SEALED: 0}
    elif part == "roster":
        whole["events"] = {PROFILE: 0}
    else:
        others = dict.fromkeys(sorted(bots - creators), POWER)
        whole |= {"invite": POWER, "users": others, "events": {"m.room.power_levels": POWER}}
        if part == "council":
            whole["events_default"] = 0
            whole["events"][GUEST] = POWER
    return whole


def creation(wire: str, part: str, name: str, *, language: str, bots: frozenset[str], me: str) -> Json:
    """What is asked of the homeserver to make a room."""
    reader = Reader(language)
    title = name if part == "space" else f"{name} · {shown(_NAMES[part], reader)}"
    created: Json = {LINKED: {"wire": wire, "part": part}, "m.federate": True}
    if part == "space":
        created["type"] = "m.space"
    state = [{"type": kind, "state_key": "", "content": content} for kind, content in _SETTINGS.items()]
    if part == "council":
        state.append({"type": "m.room.encryption", "state_key": "", "content": ENCRYPTION})
    return {
        "preset": "private_chat",
        "visibility": "private",
        "room_version": VERSION,
        "name": title[:100],
        "topic": shown(_TOPICS[part], reader),
        "creation_content": created,
        "initial_state": state,
        "power_level_content_override": powers(part, bots, frozenset([me])),
    }


ENCRYPTION: Json = {"algorithm": "m.megolm.v1.aes-sha2"}


def changed(room: Room, bots: frozenset[str]) -> bool:
    """Whether others may do or read in a room what they should not."""
    if room.linked is None:
        return False
    part = room.linked[1]
    if "m.room.server_acl" in room.settings or any(room.settings.get(kind) != said for kind, said in _SETTINGS.items()):
        return True
    if part == "council" and not room.encrypted:
        return True
    kept, wanted = room.powers or {}, powers(part, bots, room.creators)
    names = ("ban", "kick", "users_default", "state_default", "events_default", "invite")
    if any(kept.get(name) != wanted[name] for name in names):
        return True
    events = kept.get("events")
    if not isinstance(events, dict) or any(events.get(kind) != level for kind, level in wanted["events"].items()):
        return True
    users = kept.get("users")
    # A bot that is let in just now, or has left, may stand there or not.
    limit = POWER if part in ("space", "council") else 0
    return isinstance(users, dict) and any(not isinstance(level, int) or level > limit for level in users.values())


class Federations:
    """What one account does in the rooms of linked committees."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        rooms: Mapping[str, Room],
        *,
        patience: Patience,
        language: str,
        appears: Callable[[str, str], Awaitable[Room]],
        asked: Callable[[], int],
        heard: Callable[[], int],
    ) -> None:
        self._dispatcher = dispatcher
        self._rooms = rooms
        self._patience = patience
        self._language = language
        self._appears = appears
        self._asked, self._heard = asked, heard
        self._unsure: dict[tuple[str, str], int] = {}
        """Rooms that were asked for without an answer, and which time of asking for news was the newest then."""
        self._making = asyncio.Lock()
        self._wanted_since: dict[str, float] = {}
        self._got: dict[tuple[str, str], asyncio.Event] = {}
        """What was said at another's door and waits for the word that it was taken in."""
        self._knocks: OrderedDict[str, list[float]] = OrderedDict()
        self._all_knocks: list[float] = []
        self._refused_at = 0.0
        self._strange_since: dict[tuple[str, str], float] = {}
        self._away: set[str] = set()
        """Homeservers that could not be reached."""
        self._beaten_at = -3600.0
        self._beating = False

    # --- which rooms there are -------------------------------------------------------------------------------

    def rooms(self, wire: str | None = None, part: str | None = None) -> list[Room]:
        """The rooms of linked committees in which the bot is: of one wire, or of all."""
        return [
            room
            for room in self._rooms.values()
            if room.linked is not None and wire in (None, room.linked[0]) and part in (None, room.linked[1])
        ]

    async def _room(self, wire: str, part: str) -> Room | None:
        """The room to speak in. Where somebody has made a second one: the one in which most of the others are."""
        found = self.rooms(wire, part)
        if len(found) < 2:
            return found[0] if found else None
        bots = await self._dispatcher.federated(wire_of(NETWORK, wire)) or frozenset()
        return max(found, key=lambda room: (len(bots & _joined(room)), -room.made_at, room.id))

    # --- what is carried -------------------------------------------------------------------------------------

    async def post(self, wire: Wire, key: str, at: ChatId, text: str, mark: Json) -> str:
        """Say something on a wire; its event. Raises a DeliveryProblem, ApiProblem or Unreachable."""
        if len(text) > TEXT_CHARACTERS_MAX:
            raise Refused
        room = await self._room(_key(at), "wire")
        if room is None:
            # The invitation may be on its way. What is said meanwhile waits, and is asked for if it waits too long.
            raise NotReached
        return await wire.send(room.id, SEALED, {"envelope": text}, transaction=key, encrypted=False, mark=mark)

    async def knock(self, wire: Wire, key: str, account: str, text: str) -> str:
        """Say something to a bot at its door; returns when it has taken it in. Raises a DeliveryProblem or ApiProblem.

        Straight to its devices: no room is left behind. Homeservers may lose that (Synapse forgets after a restart to
        whom it owes such things until there is something else to say), so it is said again until the answer comes.
        """
        if len(text) > TEXT_CHARACTERS_MAX or not account.startswith("@"):
            raise Refused
        got = self._got.setdefault((account, key), asyncio.Event())
        try:
            await self._to_devices(wire, DOOR, account, {"id": key, "text": text})
            async with asyncio.timeout(self._patience.door):
                await got.wait()
        except TimeoutError:
            raise NotReached from None
        finally:
            self._got.pop((account, key), None)
        return key

    async def _to_devices(self, wire: Wire, kind: str, account: str, content: Json) -> None:
        where = path("sendToDevice", kind, f"{time.time_ns():x}-{content['id']}")
        await wire.api.call("PUT", where, {"messages": {account: {"*": content}}})

    def at_the_door(self, event: Json, *, now: datetime) -> WireText | None:
        """What another bot says at the door. What makes no sense, or is too much, is passed over."""
        sender, content = event.get("sender"), event.get("content")
        if not isinstance(sender, str) or not isinstance(content, dict):
            return None
        id_, text = content.get("id"), content.get("text")
        if not isinstance(id_, str) or not _ID.fullmatch(id_) or len(sender) > 255:
            return None
        if event.get("type") == DOOR_GOT:
            if (got := self._got.get((sender, id_))) is not None:
                got.set()
            return None
        if not isinstance(text, str) or not 0 < len(text) <= TEXT_CHARACTERS_MAX or not self._bears(sender):
            return None
        chat = Chat(id=door_of(NETWORK, sender), private=False)
        return WireText(event=f"door:{sender}:{id_}", at=now, chat=chat, text=text)

    def _bears(self, sender: str) -> bool:
        now = time.monotonic()
        self._all_knocks = [at for at in self._all_knocks if at > now - 60]
        own = [at for at in self._knocks.pop(sender, []) if at > now - 60]
        bears = len(self._all_knocks) < HEARD_AT_DOOR_MAX and len(own) < HEARD_AT_DOOR_MAX // 3
        if bears:
            own.append(now)
            self._all_knocks.append(now)
        elif not self._refused_at or now - self._refused_at > 60:
            self._refused_at = now
            log.warning("too much at the door")
        if own:
            self._knocks[sender] = own
        while len(self._knocks) > HEARD_AT_DOOR_MAX:
            self._knocks.popitem(last=False)
        return bears

    async def answer_door(self, wire: Wire, came: WireText) -> None:
        """Say that it was taken in."""
        account, id_ = _knocked(came)
        try:
            await self._to_devices(wire, DOOR_GOT, account, {"id": id_})
        except (ApiProblem, Unreachable):
            # It is said again, and so is the answer.
            log.info("the door was not answered")

    @staticmethod
    def said(room: Room, event: Json) -> WireText | None:
        """What an event in one of the rooms is for the core: envelopes on the wire, and nothing else."""
        content = event.get("content")
        if room.linked is None or room.linked[1] != "wire" or event.get("type") != SEALED or "state_key" in event:
            return None
        text = content.get("envelope") if isinstance(content, dict) else None
        if not isinstance(text, str) or not 0 < len(text) <= TEXT_CHARACTERS_MAX:
            return None
        stamp = event.get("origin_server_ts")
        at = datetime.fromtimestamp(min(stamp, 2**41) / 1000 if isinstance(stamp, int) and stamp >= 0 else 0, UTC)
        chat = Chat(id=wire_of(NETWORK, room.linked[0]), private=False)
        return WireText(event=event["event_id"], at=at, chat=chat, text=text)

    # --- who is in the rooms ---------------------------------------------------------------------------------

    async def open(self, wire: Wire, at: ChatId, doors: WireDoors) -> None:
        """Make the rooms where they lack, let in and put out. Raises a DeliveryProblem, ApiProblem or Unreachable."""
        key = _key(at)
        bots = await self._dispatcher.federated(at)
        async with self._making:
            if bots is not None and (doors.let_in or doors.people or not doors.put_out):
                await self._made(wire, key, doors, bots | {*doors.let_in})
            if bots is not None:
                for account in doors.let_in:
                    for part in LINKED_PARTS:
                        await self._let_in(wire, key, part, account)
                for account in doors.people:
                    await self._call(wire, key, account, bots)
            for account in doors.people_out:
                if any(room.guests.get(account) == wire.me for room in self._talks(key)):
                    await self._show_out(wire, key, account)
            for account in doors.put_out:
                if account not in (bots or frozenset()) or account == wire.me:
                    await self._put_out(wire, key, account, stays=bots is not None and wire.me in bots)

    async def _made(self, wire: Wire, key: str, doors: WireDoors, bots: frozenset[str]) -> None:
        """All rooms, as they should be; only what lacks is made, however often something came in between."""
        lacking = [part for part in LINKED_PARTS if not self.rooms(key, part)]
        # Whoever is to make rooms in place of others that are lost lets all in at once.
        founds = "." in key or not (doors.let_in or doors.people)
        begun = any(wire.me in room.creators for room in self.rooms(key))
        if lacking and not founds and not begun and bots - {wire.me}:
            # Whoever called us in has made them, and their invitation comes; or else one after another makes them.
            since = self._wanted_since.setdefault(key, time.monotonic())
            place = sorted(bots | {wire.me}).index(wire.me) + 1
            if time.monotonic() - since < self._patience.rooms * place:
                raise NotReached
        for part in lacking:
            await self._make(wire, key, part, doors.name, bots)
        self._wanted_since.pop(key, None)
        for part in LINKED_PARTS:
            for room in self.rooms(key, part):
                if wire.me in room.creators:
                    await self._put_right(wire, room, part, bots)
        space = await self._room(key, "space")
        for part in ("council", "roster", "wire"):
            child = await self._room(key, part)
            if space is None or child is None or child.id in space.holds:
                continue
            if space.may_send(wire.me, "m.space.child", state=True):
                where = path("rooms", space.id, "state", "m.space.child", child.id)
                await wire.api.call("PUT", where, {"via": [server_of(wire.me)]})

    async def _make(self, wire: Wire, key: str, part: str, name: str, bots: frozenset[str]) -> None:
        if self._heard() <= self._unsure.get((key, part), -1):
            # It may be there already: what was asked for news since then will tell.
            raise NotReached
        self._unsure[key, part] = self._asked()
        body = creation(key, part, name, language=self._language, bots=bots, me=wire.me)
        try:
            answer = await wire.api.call("POST", path("createRoom"), body)
        except ApiProblem as error:
            if error.status < 500:
                del self._unsure[key, part]
            if error.code in ("M_UNSUPPORTED_ROOM_VERSION", "M_INVALID_PARAM") or error.status == 403:
                await self._dispatcher.drifted(wire_of(NETWORK, key), "unmade")
                raise Refused from None
            raise
        room_id = answer.get("room_id")
        if not isinstance(room_id, str):
            raise NotReached
        del self._unsure[key, part]
        await self._appears(room_id, wire.me)

    async def _put_right(self, wire: Wire, room: Room, part: str, bots: frozenset[str]) -> None:
        """A homeserver may have died while it made the room; and who is let in needs power where people are."""
        for kind, content in _SETTINGS.items():
            if room.settings.get(kind) != content:
                await wire.api.call("PUT", path("rooms", room.id, "state", kind, ""), content)
        if part == "council" and not room.encrypted:
            await wire.api.call("PUT", path("rooms", room.id, "state", "m.room.encryption", ""), ENCRYPTION)
        wanted = powers(part, bots, room.creators)
        if room.powers is None or any(room.powers.get(name) != value for name, value in wanted.items()):
            await wire.api.call("PUT", path("rooms", room.id, "state", "m.room.power_levels", ""), wanted)

    async def _let_in(self, wire: Wire, key: str, part: str, account: str) -> None:
        room = await self._room(key, part)
        if room is None or account == wire.me or account in room.members or not account.startswith("@"):
            return
        try:
            if account in room.banned:
                await wire.api.call("POST", path("rooms", room.id, "unban"), {"user_id": account})
            await wire.api.call("POST", path("rooms", room.id, "invite"), {"user_id": account})
        except ApiProblem as error:
            if error.status not in (400, 403, 404):
                raise
            # They are in it already, or there is nobody of that name, or another one made the room.
            log.warning("somebody was not let into a room", extra={"status": error.status})

    async def _call(self, wire: Wire, key: str, account: str, bots: frozenset[str]) -> None:
        """A person into the room where people talk. First it is put down which bot called them: it shows them out."""
        council = await self._room(key, "council")
        if council is None or not council.may_send(wire.me, GUEST, state=True):
            # Whoever has made the room gives the others power a moment after they have come in.
            since = self._wanted_since.setdefault(f"{key} council", time.monotonic())
            if time.monotonic() - since < self._patience.power:
                raise NotReached
            raise Refused
        self._wanted_since.pop(f"{key} council", None)
        if council.guests.get(account) not in bots:
            where = path("rooms", council.id, "state", GUEST, account.removeprefix("@"))
            await wire.api.call("PUT", where, {"called": True})
        for part in ("space", "council"):
            await self._let_in(wire, key, part, account)

    def _talks(self, key: str) -> list[Room]:
        """The rooms where people of the federation talk, those too that it has moved away from."""
        uid = key.partition(".")[0]
        return [room for room in self.rooms(part="council") if room.linked and room.linked[0].partition(".")[0] == uid]

    async def _show_out(self, wire: Wire, key: str, person: str) -> None:
        """Out of the rooms where people talk: they or their committee are not of the federation any more."""
        for council in self._talks(key):
            assert council.linked is not None
            try:
                for room in (*self.rooms(council.linked[0], "space"), council):
                    if person in room.members:
                        await wire.api.call("POST", path("rooms", room.id, "kick"), {"user_id": person})
                if person in council.guests:
                    where = path("rooms", council.id, "state", GUEST, person.removeprefix("@"))
                    await wire.api.call("PUT", where, {})
            except ApiProblem as error:
                if error.status not in (400, 403, 404):
                    raise
                # They have gone by themselves, or this bot has no power there.
                log.warning("somebody was not shown out of a room", extra={"status": error.status})

    async def _put_out(self, wire: Wire, key: str, account: str, *, stays: bool) -> None:
        if account != wire.me:
            for person in sorted(
                {user for room in self._talks(key) for user, by in room.guests.items() if by == account}
            ):
                await self._show_out(wire, key, person)
        for room in self.rooms(key):
            if account == wire.me:
                if not stays:
                    await wire.leave(room.id, "")
                continue
            try:
                # Also whoever is not in it: else an invitation that lies about somewhere would do.
                await wire.api.call("POST", path("rooms", room.id, "ban"), {"user_id": account})
            except ApiProblem as error:
                if error.status not in (400, 403, 404):
                    raise
                # Whoever made the room can do it; nothing is sealed to them any more in any case. Where people talk
                # with each other that is not enough: `look` tells it.
                log.info("somebody was not put out of a room", extra={"status": error.status})

    async def expected(self, wire: str, inviter: str) -> bool:
        """Wait until it is known here that one is linked with whoever sent an invitation; False: it does not come."""
        end = time.monotonic() + self._patience.invitation
        pause = 0.5
        while True:
            bots = await self._dispatcher.federated(wire_of(NETWORK, wire))
            if bots is not None and inviter in bots:
                return True
            if time.monotonic() + pause > end:
                return False
            await asyncio.sleep(pause)
            pause = min(60.0, pause * 1.5)

    async def arrived(self, wire: Wire, room: Room) -> None:
        """The bot has come into a room: in the roster it says which versions it speaks."""
        if room.linked is not None and room.linked[1] == "roster":
            where = path("rooms", room.id, "state", PROFILE, wire.me)
            try:
                await wire.api.call("PUT", where, {"versions": [1]})
            except (ApiProblem, Unreachable):
                log.info("the roster was not written")

    # --- whether all is well ---------------------------------------------------------------------------------

    async def beat_soon(self) -> None:
        """Something may have been missed, here or by others: tell all how far one has come, but not all the time."""
        if self._beating:
            return
        self._beating = True
        try:
            await asyncio.sleep(max(0.0, self._beaten_at + self._patience.beats - time.monotonic()))
        finally:
            self._beating = False
        self._beaten_at = time.monotonic()
        await self._dispatcher.reconnected(NETWORK)

    async def probe(self, wire: Wire) -> bool:
        """Look whether the other homeservers are there; True: one is there again that was away.

        To ask for a profile is the one thing that a homeserver does however long it has decided to wait for another;
        where it works, both try at once what they owe each other. Without it they wait ten minutes, and then longer.
        """
        others: dict[str, str] = {}
        for room in self.rooms(part="wire"):
            for user in sorted(_joined(room)):
                others.setdefault(server_of(user), user)
        others.pop(server_of(wire.me), None)
        few = asyncio.Semaphore(PROBED_AT_ONCE_MAX)

        async def there(user: str) -> bool | None:
            async with few:
                try:
                    await wire.api.call("GET", path("profile", user), seconds=PROBE_SECONDS_MAX)
                except ApiProblem as error:
                    return True if error.status in (403, 404) else None if error.status in (401, 429) else False
                except Unreachable:
                    return False
                return True

        found = dict(zip(others, await asyncio.gather(*(there(user) for user in others.values())), strict=True))
        back = {server for server, is_there in found.items() if is_there and server in self._away}
        self._away = {server for server in self._away & set(found) if server not in back}
        self._away |= {server for server, is_there in found.items() if is_there is False}
        return bool(back)

    async def look(self, wire: Wire) -> None:
        """Compare the rooms with what they should be, tell where they are not, and put right what this bot made."""
        now = time.monotonic()
        still = set()
        for room in self.rooms():
            assert room.linked is not None
            key, part = room.linked
            at = wire_of(NETWORK, key)
            bots = await self._dispatcher.federated(at)
            if bots is None:
                continue
            if changed(room, bots):
                await self._dispatcher.drifted(at, "changed")
            for user in set(room.members) - bots - {room.me} if part in ("wire", "roster") else ():
                still.add((room.id, user))
                if self._long_strange(room, user, now=now):
                    await self._dispatcher.drifted(at, "stranger")
            if part == "council":
                still |= await self._look_who_talks(wire, room, bots, now=now)
            if wire.me in room.creators:
                # Who was let in by another has no power yet where people are.
                await self._put_right(wire, room, part, bots)
        self._strange_since = {one: since for one, since in self._strange_since.items() if one in still}

    def _long_strange(self, room: Room, user: str, *, now: float) -> bool:
        """Whether nothing was known of somebody in a room for so long that their committee's word should have come."""
        return now - self._strange_since.setdefault((room.id, user), now) >= self._patience.stranger

    async def _look_who_talks(
        self, wire: Wire, room: Room, bots: frozenset[str], *, now: float
    ) -> set[tuple[str, str]]:
        """Show out people whom no bot of the federation has called, and tell it where another bot has stayed.

        A newcomer's word may come after their people: they have a while. Those are given who are strange as yet.
        """
        assert room.linked is not None
        found = set()
        for user in [user for user in room.members if user not in bots and user != room.me]:
            if room.guests.get(user) in bots:
                continue
            found.add((room.id, user))
            if not self._long_strange(room, user, now=now):
                continue
            if room.power(user) >= POWER:
                await self._dispatcher.drifted(wire_of(NETWORK, room.linked[0]), "stays")
            elif room.may_send(wire.me, GUEST, state=True):
                await self._show_out(wire, room.linked[0], user)
        return found

    async def lost(self, wire: str) -> None:
        """The bot is in a room no more, and did not leave it by itself."""
        if await self._dispatcher.federated(wire_of(NETWORK, wire)) is not None:
            await self._dispatcher.drifted(wire_of(NETWORK, wire), "lost")


def _key(at: ChatId) -> str:
    """What rooms are known by: the federation, and a number where it has moved."""
    return native(at).partition(":")[2]


def _joined(room: Room) -> frozenset[str]:
    return frozenset(user for user, member in room.members.items() if member.joined)


def _knocked(came: WireText) -> tuple[str, str]:
    """Who said something at the door, and under which name: accounts have colons in them, names have none."""
    account, _, id_ = came.event.removeprefix("door:").rpartition(":")
    return account, id_


def kept_text(event: Any) -> bool:
    """Whether a message to devices is for us: the rest is for the keys."""
    return isinstance(event, dict) and event.get("type") in (DOOR, DOOR_GOT)
