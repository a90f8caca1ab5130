"""Matrix: what is said in rooms becomes events of the core, the core's letters become messages.

Only this module and those beside it whose names begin with `matrix_` import the library.

Nothing of what people write, and no name, id or token, is ever logged here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from bot.adapters import matrix_polls
from bot.adapters.matrix_account import DEVICE_NAME, CannotLogIn, CannotSign, NeedsLogin, WrongKey, kept, lost_by
from bot.adapters.matrix_api import ApiProblem, NotFound, Unreachable, path
from bot.adapters.matrix_events import ENCRYPTED, Converter, answered_by, chat_of, is_edit, thread_of
from bot.adapters.matrix_federations import WAITING_MAX, Federations, Patience, kept_text
from bot.adapters.matrix_files import download, holds_file, upload
from bot.adapters.matrix_rooms import PRIVATE_WITH, Room, link_of, server_of
from bot.adapters.matrix_trust import Damaged
from bot.adapters.matrix_wire import BUSY, WATCHDOG_SECONDS, Batch, Joined, Json, Read, Wire, open_wire, problem
from bot.adapters.matrix_words import NETWORK, PREFIX, SEEDED_MAX, contents, replacement, symbol
from bot.adapters.pauses import Pauses
from bot.chat import (
    BotRemoved,
    Chat,
    ChatClosed,
    ChatHasMoved,
    ChatId,
    ChatMoved,
    Choice,
    Departure,
    Dispatcher,
    Document,
    Echo,
    Incoming,
    Lane,
    Letter,
    Message,
    NativePoll,
    NotReached,
    Pace,
    Picture,
    PollSent,
    Refused,
    SlowDown,
    StrawVote,
    Undecryptable,
    Unreadable,
    UserId,
    WireAct,
    WireDoors,
    account_behind,
    native,
)
from bot.router import Commands
from bot.text import Reader, T, shown
from storage.database import Unavailable

log = logging.getLogger(__name__)

KEY = "org.solibot.key"
"""In each message of the bot's own: the key under which it was owed, known again long after a homeserver has forgotten
the transaction."""
CAME_IN = "org.solibot.came_in"
"""An event that no app shows, after which a homeserver that has just come into a room knows all that was said there."""
TIED_TRIES_MAX = 5
PINNED = "m.room.pinned_events"
LOOK_BACK = timedelta(days=14)
"""What is older is not carried out any more."""
PAGES_MAX = 100
GATHER_STEP_SECONDS = 0.01
REMEMBERED_MAX = 20_000
ANSWERED_AT_ONCE_MAX = 4
"""So many invitations are answered at one time; the others wait."""
GAP_TRIES_MAX = 5
TOKEN_PAUSE_FACTOR = 10
TOKEN_PAUSE_SECONDS_MAX = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long things may take, and how often they are done, in seconds."""

    sync: float = 30.0
    """So long a homeserver waits for news before it answers that there are none."""
    watchdog: float = WATCHDOG_SECONDS
    """An answer that is so much later does not come any more."""
    pause: float = 1.0
    """Before the second try of what failed; before each further one it is longer."""
    pause_max: float = 60.0
    keys: float = 8.0
    """So long the key of an encrypted message may come after it."""
    held_max: float = 60.0
    """No longer than this is the position held back for what a kill would lose."""
    look_again: float = 30.0
    """After a gap a room is looked at once more: federation brings some things later and does not tell."""
    catching_up: float = 30.0
    follow_every: float = 300.0
    room: float = 20.0
    """A room that was made or joined shows in the next answer; later than this something is wrong."""
    join: float = 60.0
    early: float = 10.0
    """Over federation an invitation comes before the server that sent it has stored it, and so long it may say no."""
    quiet: float = 2.0
    """Numbers for a tap are put under a message when nothing more urgent has been said there for so long."""
    seeds_max: float = 120.0
    """So long they wait for that."""
    sparing: float = 600.0
    """After a homeserver has said that it is too much, so long nothing is said that can be left out."""
    gather: float = 0.25
    """How long reading waits for answers that are on their way."""
    devices_every: float = 3600.0
    alarm_every: float = 3600.0
    heartbeat: float = 30.0
    linked: Patience = Patience()


_NOT_INVITED = T(
    "I come only when an organizer of a committee that I serve invites me, or whoever runs me. Ask one of them."
)
_ENCRYPTION = {"algorithm": "m.megolm.v1.aes-sha2"}

_NOT_PRIVATE = T("This is no private chat any more, so I leave. Write to me, and I open a new one.")


class _NotStored(Exception):
    """An event could not even be put down as seen."""


@dataclass(slots=True)
class _Held:
    """An encrypted message whose key has not come."""

    room: Room
    chat: Chat
    event: Json
    until: float


def account_of(folder: Path, user: str, homeserver: str) -> str | None:
    """The whole address of the bot's account; None: that is known once it has logged in."""
    if user.startswith("@"):
        return user
    with suppress(Damaged):
        if (session := kept(folder)) is not None:
            return session.user
    return f"@{user}:{homeserver}" if "/" not in homeserver else None


class MatrixAdapter:
    """Matrix as a network of the core. Make one, then `run` it and let delivery call `send`."""

    network: str = NETWORK
    prefix: str = PREFIX
    popup_characters_max: int = 0
    numbered: bool = True
    reaches: bool = True
    one_limit: bool = True
    per_second_max: int | None = None

    def __init__(
        self,
        *,
        folder: Path,
        homeserver: str,
        user: str,
        password: str | None = None,
        device_name: str = DEVICE_NAME,
        dispatcher: Dispatcher,
        commands: Commands,
        invites_from: Collection[str] = (),
        encrypted_private_chats: bool = True,
        language: str = "en",
        timing: Timing = Timing(),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        # The library logs accounts and keys.
        logging.getLogger("nio").setLevel(logging.CRITICAL + 1)
        self._open = partial(
            open_wire,
            folder,
            homeserver=homeserver,
            user=user,
            password=password,
            device_name=device_name,
            watchdog_seconds=timing.watchdog,
        )
        self._knows_password = password is not None
        self._dispatcher = dispatcher
        self._commands = commands
        self._invites_from = frozenset(invites_from)
        self._encrypted_private_chats = encrypted_private_chats
        self._language = language
        self._timing = timing
        self._now = now
        self._pauses = Pauses(timing.pause, timing.pause_max)
        self._wire: Wire | None = None
        self._opened = asyncio.Lock()
        self._tried = asyncio.Event()
        self._failed: Exception | None = None
        self._rooms: dict[str, Room] = {}
        self._moved: set[ChatId] = set()
        self._followed_at: dict[str, float] = {}
        self._directs: dict[str, list[str]] = {}
        self._sizes: dict[str, int] = {}
        """How many people were in each group when the core was last told."""
        self._marked: dict[str, str] = {}
        """Rooms that were marked as private by us, and with whom: what the account keeps comes round later."""
        self._marking = asyncio.Lock()
        self._spoken_in: dict[str, str] = {}
        """In which room somebody last wrote in private: there they are answered."""
        self._answering: dict[str, float] = {}
        """Rooms whose invitations are being answered, and until when reading minds."""
        self._at_once = asyncio.Semaphore(ANSWERED_AT_ONCE_MAX)
        self._leaving: set[str] = set()
        self._arrived: dict[str, asyncio.Event] = {}
        self._opening: dict[str, asyncio.Lock] = {}
        self._unsure: dict[str, int] = {}
        """For whom a room was asked for without an answer, and which time of asking for news was the newest then."""
        self._asked = self._heard = 0
        """How often news was asked for, and which of these times was the newest whose answer was carried out."""
        self._caught_up = asyncio.Event()
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._authors: OrderedDict[str, str] = OrderedDict()
        self._threads: OrderedDict[str, str] = OrderedDict()
        self._mine: OrderedDict[str, str | None] = OrderedDict()
        """Keys of messages that were sent, or are being sent, with the ids that they came to have."""
        self._held: dict[str, _Held] = {}
        self._held_since: float | None = None
        self._keeping_up: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._gap_tries: Counter[str] = Counter()
        self._gap_at: dict[str, str | None] = {}
        """Where a gap begins that could not be filled."""
        self._look_again: dict[str, float] = {}
        self._spoke_at: dict[str, float] = {}
        self._newest: dict[str, str] = {}
        """The newest message that the bot sent to each room."""
        self._sending = 0
        self._sent = asyncio.Event()
        """Set while nothing that somebody waits for is on its way to the homeserver."""
        self._not_before = 0.0
        self._slowed_at = -timing.sparing
        self._tasks: set[asyncio.Task[Any]] = set()
        self.carries = account_of(folder, user, homeserver)
        self._alarmed: dict[str, float] = {}
        self._links = Federations(
            dispatcher,
            self._rooms,
            patience=timing.linked,
            language=language,
            appears=self._appears,
            asked=lambda: self._asked,
            heard=lambda: self._heard,
        )
        self._look_at_links = 0.0
        """When the rooms of linked committees are to be compared with what they should be."""
        self._waiting_invites = 0

    # --- reading ---------------------------------------------------------------------------------------------

    async def run(self, caught_up: Callable[[], None]) -> None:
        """Read events until cancelled. What is fetched is acknowledged only once all of it is stored."""
        since: str | None = None
        begun: datetime | None = None
        behind, everything, beat_at = True, True, -self._timing.heartbeat
        disturbed = True
        unknown: str | None = None
        storing: asyncio.Task[None] | None = None
        seen: list[str] = []
        while True:
            try:
                everything = everything or self._wire is None
                wire = await self._connected()
                if everything:
                    seen.clear()
                    await self._dispatcher.writable()
                    since, begun = _position(await self._dispatcher.position(NETWORK))
                    since = None if since == unknown else since
                seconds = 0.0 if behind else self._patience()
                self._asked += 1
                try:
                    batch = await wire.sync(since, seconds=seconds, everything=everything)
                except ApiProblem as error:
                    if error.status != 400 or since is None:
                        raise
                    # Put back from a copy, say. Every room is looked through for what was not seen.
                    log.error("the homeserver does not know where reading had come to", extra=_fault(error))
                    unknown, everything = since, True
                    continue
                first = begun is None
                begun = begun or self._now()
                seen += await self._carry_out(wire, batch, begun, first=first)
                everything = False
                if self._keeping_up is None or self._keeping_up.done():
                    self._keeping_up = self._begin(self._upkeep(wire))
                beat = time.monotonic() - beat_at >= self._timing.heartbeat
                if (seen or beat or batch.next != since) and not self._is_held_back():
                    if storing is not None:
                        await storing
                    storing = self._begin(self._dispatcher.advance(NETWORK, _written(batch.next, begun), seen))
                    seen, beat_at = [], time.monotonic()
                await self._answers_under_way()
            except Unavailable:
                log.warning("reading waits for the database")
                everything, storing = True, None
                await asyncio.sleep(self._pauses.next())
            except (ApiProblem, Unreachable) as error:
                disturbed = True
                await asyncio.sleep(await self._recover(error))
            except (NeedsLogin, CannotLogIn, CannotSign, WrongKey, Damaged, NotFound) as error:
                # Only people can mend that: `solibot check` tells them how.
                log.error("the account cannot be used: see solibot check", extra=_fault(error))
                self._alarm("token_revoked")
                await asyncio.sleep(self._pauses.next(factor=TOKEN_PAUSE_FACTOR, longest=TOKEN_PAUSE_SECONDS_MAX))
            except Exception as error:  # noqa: BLE001 - a fault here must not end reading
                log.error("reading failed", extra=_fault(error))
                everything, storing = True, None
                await asyncio.sleep(self._pauses.next())
            else:
                self._pauses.sound()
                since, unknown = batch.next, None
                self._heard = self._asked
                if self._wire is wire:
                    self._caught_up.set()
                if behind:
                    # One answer holds all that was missed, or says where to look for it.
                    behind = False
                    self._look_again |= dict.fromkeys(self._rooms, 0.0)
                    caught_up()
                if disturbed:
                    disturbed = False
                    self._background(self._links.beat_soon())

    async def _answers_under_way(self) -> None:
        """Let answers go out before asking for more: in a crowd asking costs the homeserver more than they do."""
        end = time.monotonic() + self._timing.gather
        while True:
            # Between one and the next there is a moment in which none is on its way.
            await asyncio.sleep(GATHER_STEP_SECONDS)
            if not self._sending or time.monotonic() >= end:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout_at(asyncio.get_running_loop().time() + end - time.monotonic()):
                    await self._sent.wait()

    def _patience(self) -> float:
        """How long the homeserver may wait for news: less where something is to be done here."""
        ends = [held.until for held in self._held.values()] + list(self._look_again.values())
        return max(0.0, min([self._timing.sync, *(end - time.monotonic() for end in ends)]))

    def _is_held_back(self) -> bool:
        """Whether the position waits for what a kill would lose: keys that have not come, invitations to answer."""
        now = time.monotonic()
        if not self._held and all(until <= now for until in self._answering.values()):
            self._held_since = None
            return False
        if self._held_since is None:
            self._held_since = now
        return now - self._held_since < self._timing.held_max or bool(self._held)

    async def _connected(self) -> Wire:
        async with self._opened:
            if self._wire is None:
                try:
                    wire = await self._open()
                except Exception as error:
                    if not self._tried.is_set():
                        self._failed = error
                    raise
                finally:
                    self._tried.set()
                try:
                    self._note_directs(await _directs(wire))
                except BaseException:
                    await wire.close()
                    raise
                self._wire = wire
                self._watching = self._background(self._watch_devices(wire))
                self._background(self._watch_links(wire))
            return self._wire

    async def first_opened(self) -> Exception | None:
        """What came in the way when the account was first opened, once that was tried; None: nothing."""
        await self._tried.wait()
        return self._failed

    async def _carry_out(self, wire: Wire, batch: Batch, begun: datetime, *, first: bool) -> list[str]:
        """Let the core do all of it. The ids of the events that were seen. Raises Unavailable where it was not stored.

        `first`: nothing was ever read before: what is there was said to nobody, and is only put down as seen.
        """
        if batch.directs is not None:
            self._note_directs(_read_directs(batch.directs))
        self._note_moves(batch)
        events: list[tuple[int, Incoming]] = []
        seen: list[str] = []
        for room_id, joined in batch.joined.items():
            room = self._room(room_id)
            for event in joined.state:
                room.take(event)
            timeline = await self._whole_timeline(wire, room, joined, begun, first=first)
            found = [] if first else await self._converted(wire, room, timeline, live=joined.timeline)
            if first:
                for read in joined.timeline:
                    self._take(room, read)
            seen += [read.event["event_id"] for read in timeline if not read.known]
            events += found
            await self._look_around(wire, room, timeline)
            if room.linked is not None and not first:
                self._note_link(wire, room, joined, timeline)
            for read in timeline:
                if not read.known and _is_join_from_elsewhere(read.event, room, wire.me):
                    self._background(self._tie_together(wire, room.id, read.event["event_id"]))
            if (arrived := self._arrived.pop(room_id, None)) is not None:
                arrived.set()
        await self._tell_sizes(batch.joined)
        moves = self._moves(wire)
        events += await self._keys_that_came(wire)
        knocks = [
            came
            for event in batch.to_devices
            if kept_text(event) and (came := self._links.at_the_door(event, now=self._now())) is not None
        ]
        events += [(0, came) for came in knocks]
        # One person's words keep their order across rooms too; the sort leaves each room's own order as it is.
        events.sort(key=lambda timed: timed[0])
        await self._handle_all([*moves, *(incoming for _, incoming in events)])
        self._moved.update(move.chat.id for move in moves)
        for came in knocks:
            self._background(self._links.answer_door(wire, came))
        self._remember(seen)
        for room_id, end in batch.left.items():
            await self._left(room_id, end)
        for room_id, stripped in batch.invites.items():
            await self._invited(wire, room_id, stripped)
        for room_id in [room_id for room_id, at in self._look_again.items() if at <= time.monotonic()]:
            del self._look_again[room_id]
            seen += await self._look_at(wire, room_id, begun)
        return seen

    async def _tell_sizes(self, rooms: Iterable[str]) -> None:
        """Let the core know how many people are in groups, where that is something new."""
        for room_id in rooms:
            room = self._rooms.get(room_id)
            if (
                room is None
                or room.linked
                or room.meant_for(self._directs) is not None
                or self._sizes.get(room_id) == room.size()
            ):
                continue
            self._sizes[room_id] = room.size()
            await self._dispatcher.sized(chat_of(room, None), room.size())

    def _room(self, room_id: str) -> Room:
        if room_id not in self._rooms:
            assert self._wire is not None
            self._rooms[room_id] = Room(room_id, self._wire.me)
        return self._rooms[room_id]

    def _take(self, room: Room, read: Read) -> None:
        if "state_key" in read.event:
            room.take(read.event)

    async def _whole_timeline(
        self, wire: Wire, room: Room, joined: Joined, begun: datetime, *, first: bool
    ) -> list[Read]:
        """The timeline, with what is missing before it; oldest first. What was carried out already is marked so."""
        for read in joined.timeline:
            read.known = read.event["event_id"] in self._recent
        timeline, whole = self._said_to_us(room, joined.timeline, wire.me)
        if joined.limited and not first and not whole:
            self._look_again[room.id] = time.monotonic() + self._timing.look_again
            known = [read.event["event_id"] for read in timeline]
            timeline = [*await self._gap(wire, room, joined.before, begun, known), *timeline]
        return timeline

    def _said_to_us(self, room: Room, timeline: list[Read], me: str) -> tuple[list[Read], bool]:
        """What was said since the bot was called, and whether that was within this time: nothing before is missing.

        Not only since it came: servers do not tell for sure what was said just before it and what just after.
        """
        own = [read.event for read in timeline if _is_membership_of(read.event, me)]
        before = _membership_before(own[0]) if own else "join"
        inside, called = before == "join", before == "invite"
        kept: list[Read] = []
        waiting: list[Read] = []
        for read in timeline:
            if _is_membership_of(read.event, me):
                membership = read.event["content"].get("membership")
                if membership == "join":
                    kept += waiting
                inside = membership == "join" or (inside and membership == "invite")
                called = membership == "invite"
                if not called:
                    waiting = []
            if inside:
                kept.append(read)
            else:
                self._take(room, read)
                if called:
                    waiting.append(read)
        return kept, bool(own) and _begins(own[0], me)

    async def _gap(
        self, wire: Wire, room: Room, start: str | None, begun: datetime, known: Iterable[str]
    ) -> list[Read]:
        """What is missing. Where the homeserver does not give it out, one room must not keep the others waiting."""
        try:
            missed = await self._walk(wire, room, start, begun, known)
        except (ApiProblem, Unreachable) as error:
            passing = isinstance(error, Unreachable) or error.logged_out or error.status >= 500 or error.status in BUSY
            self._gap_tries[room.id] += 1
            if passing and self._gap_tries[room.id] < GAP_TRIES_MAX:
                raise
            log.error("a gap cannot be filled now", extra=_fault(error))
            self._gap_at[room.id] = start
            missed = []
        del self._gap_tries[room.id]
        return missed

    async def _walk(
        self, wire: Wire, room: Room, start: str | None, begun: datetime, known: Iterable[str] = ()
    ) -> list[Read]:
        """What was said before `start` and not seen, oldest first: back until a page is wholly known.

        Synapse's own way to fill a gap leaves some out, because what other servers send late is sorted in among older
        things. See docs/decisions/0010.
        """
        oldest = max(begun, self._now() - LOOK_BACK)
        missed: list[Json] = []
        told = set(known)
        for _ in range(PAGES_MAX):
            page, start = await wire.messages(room.id, start)
            ids = [event["event_id"] for event in page if event["event_id"] not in told]
            seen = await self._dispatcher.known(NETWORK, ids) | {id_ for id_ in ids if id_ in self._recent}
            fresh = set(ids) - seen
            told.update(ids)
            for event in page:
                if event["event_id"] in fresh:
                    missed.append(event)
                if _begins(event, wire.me):
                    # Known or not: what was said before was not said to the bot.
                    return self._read_back(wire, room, missed)
            if not fresh or start is None or all(_said_at(event) < oldest for event in page):
                break
        else:
            log.error("a gap is too long to be filled")
        return self._read_back(wire, room, [event for event in missed if _said_at(event) >= oldest])

    def _read_back(self, wire: Wire, room: Room, newest_first: list[Json]) -> list[Read]:
        return [wire.read(room.id, event) for event in reversed(newest_first)]

    async def _look_at(self, wire: Wire, room_id: str, begun: datetime) -> list[str]:
        """Look whether something was said in a room that no sync has told of."""
        room = self._rooms.get(room_id)
        if room is None:
            return []
        try:
            # Where a gap was left open, what came after it is known.
            missed = await self._walk(wire, room, self._gap_at.get(room_id), begun)
            found = await self._converted(wire, room, missed, live=())
        except (ApiProblem, Unreachable) as error:
            if not isinstance(error, ApiProblem) or error.status not in (403, 404):
                self._look_again[room_id] = time.monotonic() + self._timing.look_again
            log.info("room not looked at", extra=_fault(error))
            return []
        self._gap_at.pop(room_id, None)
        if missed:
            log.info("found what no sync had told of", extra={"events": len(missed)})
        await self._handle_all([incoming for _, incoming in found])
        seen = [read.event["event_id"] for read in missed]
        self._remember(seen)
        return seen

    async def _converted(
        self, wire: Wire, room: Room, timeline: list[Read], *, live: Iterable[Read]
    ) -> list[tuple[int, Incoming]]:
        """What the events mean, each with its time. State counts from where it stands in what is `live`."""
        if room.linked is not None:
            return self._converted_link(room, timeline, live=live)
        await wire.check_senders([read for read in timeline if not read.known])
        converter = Converter(wire.me, commands=self._commands, now=self._now)
        current = {id(read) for read in live}
        found: list[tuple[int, Incoming]] = []
        stamp = 0
        for read in timeline:
            event = read.event
            stamp = max(stamp, _stamp(event))
            before = _memberships_before(room, event, live=id(read) in current)
            was_with = room.alone_with(self._directs)
            leaving = _is_leaving(event)
            # Who leaves is taken out only afterwards: whoever has left is called nothing any more.
            if id(read) in current and not (leaving and not read.known):
                self._take(room, read)
            if read.known:
                continue
            chat = chat_of(room, was_with if leaving else room.alone_with(self._directs))
            if event.get("sender") == wire.me and (echo := self._echo(chat, read)) is not None:
                found.append((stamp, echo))
            await self._note_authors(wire, room, converter, event)
            incoming = self._understood(converter, room, chat, event, before)
            if id(read) in current and leaving:
                self._take(room, read)
            if isinstance(incoming, Undecryptable):
                self._hold(room, chat, event)
            elif incoming is not None and (believed := self._guarded(converter, room, read, incoming)) is not None:
                found.append((stamp, await self._with_file(wire, room, event, believed)))
            if chat.private and isinstance(incoming, Message | Choice):
                self._spoken_in[native(chat.id)] = room.id
            if chat.private and isinstance(incoming, Departure):
                self._go(wire, room.id, "")
        _shorten(self._authors)
        _shorten(self._threads)
        return found

    def _converted_link(self, room: Room, timeline: list[Read], *, live: Iterable[Read]) -> list[tuple[int, Incoming]]:
        """What was said in a room of linked committees: no chat, whatever people write there."""
        current = {id(read) for read in live}
        found: list[tuple[int, Incoming]] = []
        for read in timeline:
            if id(read) in current:
                self._take(room, read)
            if not read.known and (said := self._links.said(room, read.event)) is not None:
                found.append((_stamp(read.event), said))
        return found

    def _note_link(self, wire: Wire, room: Room, joined: Joined, timeline: Iterable[Read]) -> None:
        """What of a room of linked committees is more than what was said there."""
        state = [read.event for read in timeline if not read.known and "state_key" in read.event]
        if state:
            self._look_at_links = min(self._look_at_links, time.monotonic() + self._timing.linked.look_soon)
        if any(_is_join_of(event, wire.me) for event in state):
            self._background(self._links.arrived(wire, room))
        came = any(_is_join_of(event, str(event.get("state_key"))) for event in state)
        if room.linked is not None and room.linked[1] == "wire" and (joined.limited or came):
            self._background(self._links.beat_soon())

    async def _with_file(self, wire: Wire, room: Room, event: Json, incoming: Incoming) -> Incoming:
        """What was said with the file that came with it, or with what it answers to, where the command takes one."""
        if not isinstance(incoming, Message) or not self._dispatcher.takes_document(incoming.text) or incoming.edited:
            return incoming
        content = event["content"]
        if not holds_file(content):
            answered = answered_by(content)
            there = await wire.event(room.id, answered) if answered is not None else None
            content = wire.read(room.id, there).event["content"] if there is not None else {}
        if not holds_file(content):
            return incoming
        try:
            return replace(incoming, document=await download(wire.api, content))
        except ApiProblem as error:
            log.warning("file not read", extra=_fault(error))
            return incoming

    async def _note_authors(self, wire: Wire, room: Room, converter: Converter, event: Json) -> None:
        """Who wrote it, in which thread; and who wrote what it answers to."""
        self._authors[event["event_id"]] = str(event.get("sender"))
        if (root := thread_of(event)) is not None:
            self._threads[event["event_id"]] = root
        answered = converter.answers_to(room, event)
        if answered is not None and answered not in self._authors:
            author = await wire.author(room.id, answered)
            if author is not None:
                self._authors[answered] = author

    def _understood(
        self, converter: Converter, room: Room, chat: Chat, event: Json, before: Mapping[str, str]
    ) -> Incoming | None:
        try:
            return converter.incoming(room, chat, event, self._authors, before=before, threads=self._threads)
        except Exception as error:  # noqa: BLE001 - one event must not stop reading, for it would come again for ever
            log.error("event not converted", extra=_fault(error))
            return Unreadable(event=event["event_id"], at=_said_at(event), chat=chat)

    async def _look_around(self, wire: Wire, room: Room, timeline: Iterable[Read]) -> None:
        """A private room in which there is somebody third is left; into a group only an organizer may call."""
        user = room.meant_for(self._directs)
        if user is None or room.others() <= 1:
            return
        new = any(_is_join_of(read.event, wire.me) for read in timeline)
        if new and room.private_with is None and await self._may_call(user, private=False):
            await self._mark_private(wire, None, room.id)
            return
        self._go(wire, room.id, shown(_NOT_PRIVATE, Reader(self._language)))

    async def _tie_together(self, wire: Wire, room_id: str, join: str) -> None:
        """Say something without words after somebody came in from another homeserver.

        What is said while they come in is a branch of the room's history of which their homeserver hears only when
        something comes after both. Synapse ties the branches together itself where it sees them in time, which it does
        not always; without this, what a private room was opened for would stay unseen until the next message.
        """
        for _ in range(TIED_TRIES_MAX):
            try:
                await wire.send(room_id, CAME_IN, {}, transaction=f"came-in~{join}", encrypted=False, mark={})
            except ApiProblem as error:
                self._problem(error)
                if error.status in (403, 404):
                    return
            except (Unreachable, NotReached):
                pass
            else:
                return
            await asyncio.sleep(max(self._timing.pause, self._not_before - time.monotonic()))

    def _hold(self, room: Room, chat: Chat, event: Json) -> None:
        """Wait a little for the key of a message; the position waits too, so that a kill does not lose the message."""
        now = time.monotonic()
        held_long = self._held_since is not None and now - self._held_since >= self._timing.held_max
        patience = 0.0 if held_long else self._timing.keys
        self._held[event["event_id"]] = _Held(room, chat, event, now + patience)

    def _guarded(self, converter: Converter, room: Room, read: Read, incoming: Incoming) -> Incoming | None:
        """In an encrypted room only what was encrypted, by a device that its sender stands by, is believed."""
        believed = not room.encrypted or (read.decrypted and read.vouched)
        if believed or not isinstance(incoming, Message | StrawVote):
            return incoming
        if isinstance(incoming, Message) and (incoming.edited or not converter.concerns(incoming)):
            # Among themselves people may talk as they like; some are there by a bridge, which cannot encrypt.
            return None
        return Undecryptable(
            event=incoming.event,
            at=incoming.at,
            chat=incoming.chat,
            sender=incoming.sender,
            message=incoming.message if isinstance(incoming, Message) else incoming.event,
            reason="device" if read.decrypted else "plain",
        )

    async def _keys_that_came(self, wire: Wire) -> list[tuple[int, Incoming]]:
        """Messages that waited for their keys and can be read now, or have waited long enough."""
        found: list[tuple[int, Incoming]] = []
        for event_id, held in list(self._held.items()):
            read = wire.read(held.room.id, held.event)
            if read.decrypted:
                del self._held[event_id]
                found += await self._converted(wire, held.room, [read], live=())
            elif held.until <= time.monotonic():
                del self._held[event_id]
                converter = Converter(wire.me, commands=self._commands, now=self._now)
                incoming = self._understood(converter, held.room, held.chat, held.event, {})
                if incoming is not None:
                    found.append((_stamp(held.event), incoming))
        return found

    def _echo(self, chat: Chat, read: Read) -> Incoming | None:
        """A message of our own that nobody here knows of was sent before the program died."""
        event = read.event
        unsigned, inside = event.get("unsigned"), event.get("content")
        key = unsigned.get("transaction_id") if isinstance(unsigned, dict) else None
        if not isinstance(key, str):
            key = {**(inside if isinstance(inside, dict) else {}), **read.outside}.get(KEY)
        if not isinstance(key, str) or "~" in key:
            return None
        ours = key in self._mine
        self._mine[key] = event["event_id"]
        _shorten(self._mine)
        if ours:
            return None
        whole, _, part = key.partition(".")
        if part and not _is_last(part):
            return None
        relation = inside.get("m.relates_to") if isinstance(inside, dict) else None
        changed = relation.get("event_id") if isinstance(relation, dict) and is_edit(event) else None
        message = changed if isinstance(changed, str) else event["event_id"]
        return Echo(event=event["event_id"], at=_said_at(event), chat=chat, key=whole, message=message)

    async def _handle_all(self, events: Iterable[Incoming]) -> None:
        """The core does things in the order in which they are begun, and many of them in one go."""
        tasks = [self._begin(self._handle(incoming)) for incoming in events]
        if tasks:
            # Not gather: when reading is stopped, what was begun still comes to its end.
            await asyncio.wait(tasks)
        for task in tasks:
            if error := task.exception():
                raise error

    async def _handle(self, incoming: Incoming) -> None:
        try:
            await self._dispatcher.handle(incoming)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - or it would come again for ever
            log.error("event not handled", extra=_fault(error))
            unreadable = Unreadable(event=incoming.event, at=incoming.at, chat=incoming.chat)
            try:
                await self._dispatcher.handle(unreadable)
            except Unavailable:
                raise
            except Exception:  # noqa: BLE001 - the second fault of one event: the first is logged
                raise _NotStored from None

    def _remember(self, ids: Iterable[str]) -> None:
        for id_ in ids:
            self._recent[id_] = None
        _shorten(self._recent)

    # --- rooms that come and go ------------------------------------------------------------------------------

    def _note_moves(self, batch: Batch) -> None:
        """Which room goes on where must be known before what is said in either is read."""
        for room_id, joined in batch.joined.items():
            room = self._room(room_id)
            for event in [*joined.state, *(read.event for read in joined.timeline)]:
                if event["type"] in ("m.room.tombstone", "m.room.create") and "state_key" in event:
                    room.take(event)

    def _moves(self, wire: Wire) -> list[ChatMoved]:
        """Rooms that go on in another one that the bot is in; into the others it tries to get."""
        found: list[ChatMoved] = []
        now = time.monotonic()
        for room in self._rooms.values():
            if room.successor is None or room.linked is not None or chat_of(room, None).id in self._moved:
                continue
            new = self._rooms.get(room.successor)
            every = self._timing.follow_every
            if new is None and now - self._followed_at.get(room.id, -every) >= every:
                self._followed_at[room.id] = now
                self._background(self._follow(wire, room, room.successor))
            elif new is None:
                continue
            elif new.predecessor == room.id:
                found.append(
                    ChatMoved(
                        event=f"moved:{room.id}",
                        at=self._now(),
                        chat=chat_of(room, None),
                        to=chat_of(new, None).id,
                    )
                )
        return found

    async def _follow(self, wire: Wire, room: Room, successor: str) -> None:
        """Into the room that takes the place of one; where that takes an invitation, it is accepted when it comes."""
        via = sorted({server_of(user) for user in room.members})[:3]
        try:
            if (alone_with := room.alone_with(self._directs)) is not None:
                await self._mark_private(wire, alone_with, successor)
            await wire.join(successor, via)
        except (ApiProblem, Unreachable) as error:
            log.info("not yet in the room that takes the place of another one", extra=_fault(error))

    async def _left(self, room_id: str, event: Json | None) -> None:
        room = self._rooms.pop(room_id, None)
        if room is not None and room.linked is not None and (event is None or event.get("sender") != room.me):
            self._background(self._links.lost(room.linked[0]))
        if self._wire is not None:
            self._wire.forget(room_id)
        kept: tuple[dict[str, Any], ...] = (
            self._marked, self._look_again, self._gap_at, self._gap_tries, self._spoke_at, self._newest,
            self._followed_at, self._arrived, self._sizes,
        )  # fmt: skip
        for facts in kept:
            facts.pop(room_id, None)
        if event is None or (room is None and _membership_before(event) != "join"):
            return
        if room is not None and room.linked is not None:
            return
        # Of a room that was left while nobody looked it is not known whether it was private: then it does no harm.
        room = room or Room(room_id, "")
        if room.meant_for(self._directs) is None:
            await self._handle_all([BotRemoved(event=event["event_id"], at=self._now(), chat=chat_of(room, None))])

    async def _invited(self, wire: Wire, room_id: str, stripped: list[Json]) -> None:
        """Into a room by an organizer's invitation, into a private one by that of a member, or of somebody in
        one of the groups; others are told why not.

        Joining over federation can take minutes, and so can declining: nobody else waits for it.
        """
        invitation = next(
            (
                event
                for event in reversed(stripped)
                if event.get("type") == "m.room.member" and event.get("state_key") == wire.me
            ),
            {},
        )
        sender, content = invitation.get("sender"), invitation.get("content")
        if not isinstance(sender, str) or not isinstance(content, dict) or room_id in self._answering:
            return
        linked = _link_in(stripped)
        if linked is not None:
            if self._waiting_invites >= WAITING_MAX:
                log.warning("too many invitations to link")
                return
            self._answering[room_id] = time.monotonic() + self._timing.room
            self._background(self._invited_to_link(wire, room_id, sender, linked[0]))
            return
        private = content.get("is_direct") is True
        old = next((room for room in self._rooms.values() if room.successor == room_id), None)
        if old is not None or await self._may_call(sender, private=private):
            alone_with = old.alone_with(self._directs) if old is not None else sender if private else None
            work = self._accept(wire, room_id, sender, alone_with)
        else:
            log.info("invitation declined")
            work = self._leave(wire, room_id, shown(_NOT_INVITED, Reader(self._language)))
        self._answering[room_id] = time.monotonic() + self._timing.room
        self._background(self._answered(room_id, work))

    async def _invited_to_link(self, wire: Wire, room_id: str, sender: str, key: str) -> None:
        """Into the rooms of a federation that a committee here is in or comes into, by one who is in it."""
        self._waiting_invites += 1
        try:
            if await self._links.expected(key, sender):
                async with self._at_once:
                    await self._accept(wire, room_id, sender, None)
            else:
                log.info("invitation to link declined")
                await self._leave(wire, room_id, "")
        finally:
            self._waiting_invites -= 1
            self._answering.pop(room_id, None)

    async def _watch_links(self, wire: Wire) -> None:
        """Look now and then whether all is well with the rooms of linked committees, and those who are in them."""
        patience = self._timing.linked
        with suppress(ApiProblem, Unreachable):
            for room_id, stripped in (await wire.invites()).items():
                if _link_in(stripped) is not None:
                    await self._invited(wire, room_id, stripped)
        while self._wire is wire:
            try:
                if await self._links.probe(wire):
                    await self._links.beat_soon()
                if self._caught_up.is_set() and time.monotonic() >= self._look_at_links:
                    self._look_at_links = time.monotonic() + patience.look
                    await self._links.look(wire)
            except (ApiProblem, Unreachable, Unavailable) as error:
                log.info("rooms of linked committees not looked at", extra=_fault(error))
            await asyncio.sleep(patience.probe)

    async def _answered(self, room_id: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            async with self._at_once:
                await work
        finally:
            # Where it was cancelled before its turn came.
            work.close()
            del self._answering[room_id]

    async def _may_call(self, user: str, *, private: bool) -> bool:
        if user in self._invites_from or (private and self._meets(user)):
            return True
        return await self._dispatcher.welcomes(UserId(f"{NETWORK}:{user}"), private=private)

    def _meets(self, user: str) -> bool:
        """Whether they are in a group in which the bot is: there they are told to write to it in private."""
        found = [room for room in self._rooms.values() if room.meant_for(self._directs) is None]
        return any(user in room.members and room.members[user].joined for room in found)

    async def _accept(self, wire: Wire, room_id: str, inviter: str, alone_with: str | None) -> None:
        begun = time.monotonic()
        end = begun + self._timing.join
        while True:
            try:
                if alone_with is not None:
                    # Before it shows: else it would be taken for a group.
                    await self._mark_private(wire, alone_with, room_id)
                await wire.join(room_id, [server_of(inviter)])
            except (ApiProblem, Unreachable) as error:
                early = isinstance(error, ApiProblem) and error.status == 403
                if early and time.monotonic() < begun + self._timing.early and self._wire is wire:
                    await asyncio.sleep(self._timing.pause)
                    continue
                passing = isinstance(error, Unreachable) or error.status in BUSY
                if not passing or time.monotonic() > end or self._wire is not wire:
                    log.warning("room not joined", extra=_fault(error))
                    return
                pause = error.retry_after_seconds if isinstance(error, ApiProblem) else None
                await asyncio.sleep(self._pauses.next() if pause is None else pause)
            else:
                return

    def _go(self, wire: Wire, room_id: str, why: str) -> None:
        """Leave a room, once."""
        if room_id not in self._leaving:
            self._leaving.add(room_id)
            self._background(self._leave(wire, room_id, why)).add_done_callback(
                lambda _: self._leaving.discard(room_id)
            )

    async def _leave(self, wire: Wire, room_id: str, why: str) -> None:
        try:
            await wire.leave(room_id, why)
        except (ApiProblem, Unreachable) as error:
            log.warning("room not left", extra=_fault(error))

    # --- private chats ---------------------------------------------------------------------------------------

    async def _mark_private(self, wire: Wire, user: str | None, room_id: str) -> None:
        """Mark a room as private with somebody, for all who look at the account; None: as a group."""
        if user is None:
            self._marked.pop(room_id, None)
        else:
            self._marked[room_id] = user
        kept = {
            other: [room for room in rooms if room != room_id and room in self._rooms]
            for other, rooms in self._directs.items()
        }
        self._note_directs({other: rooms for other, rooms in kept.items() if rooms})
        async with self._marking:
            try:
                await wire.api.call("PUT", path("user", wire.me, "account_data", "m.direct"), self._directs)
            except ApiProblem as error:
                if error.logged_out or error.status in BUSY:
                    raise
                log.warning("room not marked", extra=_fault(error))

    def _note_directs(self, said: Mapping[str, list[str]]) -> None:
        self._directs = {user: [*rooms] for user, rooms in said.items()}
        for room_id, user in self._marked.items():
            if room_id not in self._directs.setdefault(user, []):
                self._directs[user].append(room_id)

    def _private_room(self, user: str) -> Room | None:
        rooms = [
            room
            for room in reversed(self._rooms.values())
            if user in room.members and room.alone_with(self._directs) == user and room.successor not in self._rooms
        ]
        # Where they last wrote; else the newest one that they are in; else the newest to which they are invited.
        here = self._spoken_in.get(user)
        return max(rooms, key=lambda room: (room.members[user].joined, room.id == here), default=None)

    def _empty_room(self, user: str) -> Room | None:
        """One that was made for somebody whom the invitation did not reach: their homeserver was away."""
        return next(
            (
                room
                for room in self._rooms.values()
                if room.private_with == user and not room.others() and room.id not in self._leaving
            ),
            None,
        )

    async def _open_private(self, wire: Wire, user: str) -> Room:
        """The private room with somebody, made where there is none."""
        async with self._opening.setdefault(user, asyncio.Lock()):
            if (room := self._private_room(user)) is not None:
                return room
            if (room := self._empty_room(user)) is not None:
                if self._encrypted_private_chats and not room.encrypted:
                    # The homeserver died while it made the room: it invites last, but encrypts only just before that.
                    where = path("rooms", room.id, "state", "m.room.encryption", "")
                    await wire.api.call("PUT", where, _ENCRYPTION)
                # The plain way to invite cannot say that it is to talk in private.
                where = path("rooms", room.id, "state", "m.room.member", user)
                await wire.api.call("PUT", where, {"membership": "invite", "is_direct": True})
                return await self._appears(room.id, user)
            if self._heard <= self._unsure.get(user, -1):
                # It may be there already: what was asked for news since then will tell.
                raise NotReached
            body: Json = {
                "preset": "private_chat",
                "is_direct": True,
                "invite": [user],
                # It stays in the room itself, so that nobody opens a second one because the answer was lost.
                "creation_content": {PRIVATE_WITH: user, "m.federate": True},
            }
            if self._encrypted_private_chats:
                body["initial_state"] = [{"type": "m.room.encryption", "state_key": "", "content": _ENCRYPTION}]
            self._unsure[user] = self._asked
            try:
                made = await wire.api.call("POST", path("createRoom"), body)
            except ApiProblem as error:
                if error.status < 500:
                    del self._unsure[user]
                raise
            room_id = made.get("room_id")
            if not isinstance(room_id, str):
                raise NotReached
            del self._unsure[user]
            room = await self._appears(room_id, user)
            with suppress(ApiProblem, Unreachable):
                # For people who look at the account with an app; the room itself says it too.
                await self._mark_private(wire, user, room_id)
            return room

    async def _appears(self, room_id: str, user: str) -> Room:
        """The room, once reading has come so far that who is invited stands in it: else they would get no key."""
        try:
            async with asyncio.timeout(self._timing.room):
                while (room := self._rooms.get(room_id)) is None or user not in room.members:
                    await self._arrived.setdefault(room_id, asyncio.Event()).wait()
        except TimeoutError:
            raise NotReached from None
        finally:
            self._arrived.pop(room_id, None)
        return room

    # --- writing ---------------------------------------------------------------------------------------------

    async def send(self, letter: Letter) -> str:
        """Send; a text that is too long becomes several messages, the numbers under the last.

        However often it is tried, it is there once: the homeserver knows each try by the letter's key, and when it has
        forgotten, the message itself carries the key and comes round when reading catches up.
        """
        wire, room = await self._ready(letter)
        if letter.document is not None:
            # First: with the text the letter counts as sent, also when the program dies in between.
            await self._send_file(wire, room, letter, letter.document)
        whole = contents(letter.spans, letter.keys, loud=self._loud(letter))
        message = ""
        for number, body in enumerate(whole, start=1):
            key = letter.key if len(whole) == 1 else f"{letter.key}.{number}-{len(whole)}"
            if relation := _relation(letter, first=number == 1):
                body["m.relates_to"] = relation
            message = await self._send(wire, room, body, key, letter.lane)
        if letter.keys and letter.lane in (Lane.ANSWER, Lane.CARD):
            self._background(self._seed(wire, room, message, letter))
        return message

    async def _send_file(self, wire: Wire, room: Room, letter: Letter, document: Document | Picture) -> None:
        key = f"{letter.key}.file"
        if self._mine.get(key) is not None:
            return
        try:
            body = await upload(wire.api, document, encrypted=room.encrypted)
        except ApiProblem as error:
            raise self._problem(error) from None
        except Unreachable:
            raise NotReached from None
        await self._send(wire, room, body, key, letter.lane)

    async def edit(self, letter: Letter, message: str) -> None:
        """Replace what a message shows. What does not fit into one message is left out, and it shows."""
        wire, room = await self._ready(letter)
        body = replacement(letter.spans, letter.keys, message, loud=self._loud(letter))
        await self._send(wire, room, body, letter.key, letter.lane, edits=True)

    async def send_poll(self, letter: Letter, poll: NativePoll) -> PollSent:
        """Begin a poll of Matrix's own; votes name the event that begins it."""
        wire, room = await self._ready(letter)
        # In an encrypted room nobody can tell by its kind what is sent.
        if not room.may_send(wire.me, ENCRYPTED if room.encrypted else matrix_polls.START):
            raise Refused
        body = matrix_polls.start(poll, letter.spans)
        message = await self._send(wire, room, body, letter.key, letter.lane, kind=matrix_polls.START)
        return PollSent(message, message)

    async def end_poll(self, letter: Letter, message: str) -> None:
        """Say that it is over; clients show then what it came to."""
        wire, room = await self._ready(letter)
        body = matrix_polls.end(message, letter.spans)
        await self._send(wire, room, body, letter.key, letter.lane, kind=matrix_polls.END, edits=True)

    def _loud(self, letter: Letter) -> bool:
        # Alerts ring; so does what comes unasked to one person. What is answered in a group does not.
        return letter.lane is Lane.ALERT or (native(letter.chat).startswith("@") and letter.lane is Lane.NOTICE)

    async def _ready(self, letter: Letter) -> tuple[Wire, Room]:
        """Where the letter goes, once it is known what was said before the program last ended."""
        try:
            async with asyncio.timeout(self._timing.catching_up):
                await self._caught_up.wait()
        except TimeoutError:
            raise NotReached from None
        wire = self._wire
        if wire is None:
            raise NotReached
        if (wait := self._not_before - time.monotonic()) > 0:
            # The homeserver counts all that the bot says together: what is urgent tries first.
            raise SlowDown(wait + 0.2 * letter.lane)
        where = native(letter.chat)
        if where.startswith("@"):
            try:
                return wire, self._private_room(where) or await self._open_private(wire, where)
            except ApiProblem as error:
                raise self._problem(error) from None
            except Unreachable:
                raise NotReached from None
        room = self._rooms.get(where)
        if room is None:
            raise ChatClosed
        successor = self._rooms.get(room.successor or "")
        # Both must say so: else whoever looks after one room could put it in the place of another committee's.
        if successor is not None and successor.predecessor == room.id:
            raise ChatHasMoved(ChatId(f"{NETWORK}:{successor.id}"))
        return wire, room

    async def _send(
        self,
        wire: Wire,
        room: Room,
        body: Json,
        key: str,
        lane: Lane,
        *,
        edits: bool = False,
        kind: str = "m.room.message",
    ) -> str:
        if (sent := self._mine.get(key)) is not None:
            return sent
        self._mine[key] = None
        self._spoke_at[room.id] = time.monotonic()
        try:
            with self._on_its_way(lane):
                message = await wire.send(
                    room.id, kind, body, transaction=key, encrypted=room.encrypted, mark={KEY: key}
                )
        except ApiProblem as error:
            if error.status == 400 and "m.relates_to" in body and not edits:
                # What it answers to is gone, or was said in a room that this one took the place of.
                bare = {name: value for name, value in body.items() if name != "m.relates_to"}
                return await self._send(wire, room, bare, key, lane)
            raise self._problem(error, edits=edits) from None
        except Unreachable:
            raise NotReached from None
        self._mine[key] = message
        self._authors[message] = wire.me
        if not edits:
            self._newest[room.id] = message
        _shorten(self._mine)
        return message

    @contextmanager
    def _on_its_way(self, lane: Lane) -> Iterator[None]:
        if lane is Lane.NOTICE:
            # Nobody waits for it, so reading does not either.
            yield
            return
        self._sending += 1
        self._sent.clear()
        try:
            yield
        finally:
            self._sending -= 1
            if not self._sending:
                self._sent.set()

    def _problem(self, error: ApiProblem, *, edits: bool = False) -> Exception:
        found = problem(error, edits=edits)
        if isinstance(found, SlowDown):
            self._slowed_at = time.monotonic()
            self._not_before = self._slowed_at + found.seconds
        return found

    async def _seed(self, wire: Wire, room: Room, message: str, letter: Letter) -> None:
        """Put the first numbers under a message for a tap, when the room is quiet; they are a help and no more."""
        end = time.monotonic() + self._timing.seeds_max
        numbers = sum(map(len, letter.keys))
        for number in range(1, min(numbers, SEEDED_MAX) + 1):
            while True:
                now = time.monotonic()
                wait = self._spoke_at.get(room.id, 0.0) + self._timing.quiet - now
                if now + wait > end or now - self._slowed_at < self._timing.sparing:
                    return
                if self._newest.get(room.id) != message:
                    # Something else has been said since: people look at that.
                    return
                if wait > 0:
                    await asyncio.sleep(wait)
                    continue
                relation = {"rel_type": "m.annotation", "event_id": message, "key": symbol(number)}
                try:
                    await wire.send(
                        room.id,
                        "m.reaction",
                        {"m.relates_to": relation},
                        transaction=f"{letter.key}~{number}",
                        encrypted=False,
                        mark={},
                    )
                except ApiProblem as error:
                    self._problem(error)
                    return
                except Unreachable:
                    return
                break

    async def delete(self, chat: ChatId, message: str) -> bool:
        """Redact an event: the homeserver lets go of its content. The bot's own takes no power to."""
        wire, where = self._wire, native(chat)
        if wire is None:
            raise NotReached
        room = self._private_room(where) if where.startswith("@") else self._rooms.get(where)
        if room is None:
            # Nobody is there any more to whom it could be shown.
            return True
        try:
            await wire.api.call("PUT", path("rooms", room.id, "redact", message, f"redact{message}"), {})
        except ApiProblem as error:
            if error.status in (400, 404):
                return True
            if error.status == 403:
                return False
            raise self._problem(error) from None
        except Unreachable:
            raise NotReached from None
        return True

    async def carry(self, key: str, chat: ChatId, wire: WireAct) -> str:
        """Say something to other bots, or let them into the rooms of a federation, or put them out."""
        try:
            async with asyncio.timeout(self._timing.catching_up):
                await self._caught_up.wait()
        except TimeoutError:
            raise NotReached from None
        there, account = self._wire, account_behind(chat)
        if there is None:
            raise NotReached
        if (wait := self._not_before - time.monotonic()) > 0:
            raise SlowDown(wait)
        try:
            if isinstance(wire, WireDoors):
                await self._links.open(there, chat, wire)
                return key
            if account is not None:
                return await self._links.knock(there, key, account, wire.text)
            return await self._links.post(there, key, chat, wire.text, {KEY: key})
        except ApiProblem as error:
            found = self._problem(error)
            # A wire is no chat that can be closed: the bot may be called into its rooms again.
            raise (NotReached() if isinstance(found, ChatClosed) else found) from None
        except Unreachable:
            raise NotReached from None

    async def pin(self, chat: ChatId, message: str) -> bool:
        """Put a message above what is pinned already, which takes the power to."""
        wire, room = self._wire, self._rooms.get(native(chat))
        if wire is None or room is None:
            raise NotReached
        if not room.may_send(wire.me, PINNED, state=True):
            return False
        where = path("rooms", room.id, "state", PINNED, "")
        try:
            try:
                said = (await wire.api.call("GET", where)).get("pinned")
            except ApiProblem as error:
                if error.status != 404:
                    raise
                said = None
            before = [one for one in said if isinstance(one, str)] if isinstance(said, list) else []
            if message not in before:
                await wire.api.call("PUT", where, {"pinned": [*before, message]})
        except ApiProblem as error:
            if error.status == 403:
                return False
            raise self._problem(error) from None
        except Unreachable:
            raise NotReached from None
        return True

    def pace(self, chat: ChatId) -> Pace | None:
        """Matrix has no rule of its own; each homeserver says when it is too much."""
        return None

    def link(self, payload: str) -> str | None:
        """No address is needed: the bot can write to anybody in private."""
        return None

    # --- bad luck --------------------------------------------------------------------------------------------

    async def _recover(self, error: ApiProblem | Unreachable) -> float:
        """Take note of a failed sync; the seconds until the next."""
        seconds = self._pauses.next()
        if isinstance(error, ApiProblem):
            if error.logged_out:
                await self._drop_wire()
                if not self._knows_password:
                    self._alarm("token_revoked")
                    seconds = self._pauses.next(factor=TOKEN_PAUSE_FACTOR, longest=TOKEN_PAUSE_SECONDS_MAX)
            elif error.retry_after_seconds is not None:
                seconds = error.retry_after_seconds
        log.warning("sync failed", extra={**_fault(error), "pause_seconds": round(seconds, 1)})
        return seconds

    async def _drop_wire(self) -> None:
        wire, self._wire = self._wire, None
        # As a new device it is not known what was sent as the old one: first that comes round.
        self._caught_up.clear()
        if self._watching is not None:
            self._watching.cancel()
        if wire is not None:
            await wire.close()

    async def _upkeep(self, wire: Wire) -> None:
        try:
            changed = await wire.upkeep()
        except ApiProblem as error:
            log.warning("keys not looked after this time", extra=_fault(error))
            if lost_by(error) and self._wire is wire:
                # When it is opened again that comes to light, and it becomes a new device.
                await self._drop_wire()
            return
        except Unreachable as error:
            log.info("keys not looked after this time", extra=_fault(error))
            return
        if changed:
            self._alarm("identity_changed")

    async def _watch_devices(self, wire: Wire) -> None:
        """Look now and then whether somebody else has logged in to the bot's account."""
        while self._wire is wire:
            try:
                if await wire.unexpected_devices():
                    self._alarm("unexpected_device")
            except (ApiProblem, Unreachable) as error:
                log.info("devices not looked at", extra=_fault(error))
            await asyncio.sleep(self._timing.devices_every)

    def _alarm(self, kind: str) -> None:
        now = time.monotonic()
        if now - self._alarmed.get(kind, -self._timing.alarm_every) < self._timing.alarm_every:
            return
        self._alarmed[kind] = now
        self._background(self._dispatcher.alarm(NETWORK, kind))

    # --- the end ---------------------------------------------------------------------------------------------

    def _background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin work whose failure concerns nobody but the log."""
        task = self._begin(work)
        task.add_done_callback(_note_failure)
        return task

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
        """Let go of the connections."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._drop_wire()


def _link_in(stripped: Iterable[Json]) -> tuple[str, str] | None:
    """Into which room of which federation an invitation leads; None: into a chat."""
    created = [event.get("content") for event in stripped if event.get("type") == "m.room.create"]
    return link_of(created[0]) if created and isinstance(created[0], dict) else None


def _position(stored: str | None) -> tuple[str | None, datetime | None]:
    """Where reading had come to, and since when there is reading: what was said before is none of our business."""
    if stored is None:
        return None, None
    kept = json.loads(stored)
    return kept["since"], datetime.fromisoformat(kept["begun"])


def _written(since: str, begun: datetime) -> str:
    return json.dumps({"since": since, "begun": begun.isoformat()})


async def _directs(wire: Wire) -> dict[str, list[str]]:
    try:
        return _read_directs(await wire.api.call("GET", path("user", wire.me, "account_data", "m.direct")))
    except ApiProblem as error:
        if error.status != 404:
            raise
        return {}


def _read_directs(said: Mapping[str, Any]) -> dict[str, list[str]]:
    return {
        user: [room for room in rooms if isinstance(room, str)]
        for user, rooms in said.items()
        if isinstance(rooms, list)
    }


def _relation(letter: Letter, *, first: bool) -> Json | None:
    """What a message answers to; in a thread it stays there."""
    answers = letter.reply_to if first else None
    if letter.topic is None:
        return {"m.in_reply_to": {"event_id": answers}} if answers else None
    return {
        "rel_type": "m.thread",
        "event_id": letter.topic,
        "is_falling_back": answers is None,
        "m.in_reply_to": {"event_id": answers or letter.topic},
    }


def _memberships_before(room: Room, event: Json, *, live: bool) -> dict[str, str]:
    """What somebody was in the room before a membership event, as far as it tells.

    `live`: what is known of the room is what was before the event.
    """
    if event.get("type") != "m.room.member" or not isinstance(event.get("state_key"), str):
        return {}
    user = event["state_key"]
    was = _membership_before(event)
    if was is None and live:
        member = room.members.get(user)
        was = "leave" if member is None else "join" if member.joined else "invite"
    return {user: was or "leave"}


def _membership_before(event: Json) -> str | None:
    unsigned = event.get("unsigned")
    previous = unsigned.get("prev_content") if isinstance(unsigned, dict) else None
    was = previous.get("membership") if isinstance(previous, dict) else None
    return was if isinstance(was, str) else None


def _is_membership_of(event: Json, user: str) -> bool:
    content = event.get("content")
    return event.get("type") == "m.room.member" and event.get("state_key") == user and isinstance(content, dict)


def _begins(event: Json, me: str) -> bool:
    """Whether the bot was called into the room by this event, or came into it without being called."""
    if not _is_membership_of(event, me):
        return False
    was, now = _membership_before(event), event["content"].get("membership")
    return now in ("invite", "join") and was not in ("invite", "join")


def _is_join_of(event: Json, user: str) -> bool:
    now_in = _is_membership_of(event, user) and event["content"].get("membership") == "join"
    return now_in and _membership_before(event) != "join"


def _is_join_from_elsewhere(event: Json, room: Room, me: str) -> bool:
    """Whether somebody on another homeserver came into the private room that was opened for them."""
    user = room.private_with
    return user is not None and server_of(user) != server_of(me) and _is_join_of(event, user)


def _is_leaving(event: Json) -> bool:
    content = event.get("content")
    return (
        event.get("type") == "m.room.member"
        and isinstance(content, dict)
        and content.get("membership") in ("leave", "ban")
    )


def _stamp(event: Json) -> int:
    stamp = event.get("origin_server_ts")
    return stamp if isinstance(stamp, int) and not isinstance(stamp, bool) and stamp >= 0 else 0


def _said_at(event: Json) -> datetime:
    return datetime.fromtimestamp(min(_stamp(event), 2**41) / 1000, UTC)


def _is_last(part: str) -> bool:
    number, _, of = part.partition("-")
    return number == of


def _shorten(kept: OrderedDict[Any, Any]) -> None:
    while len(kept) > REMEMBERED_MAX:
        kept.popitem(last=False)


def _fault(error: BaseException) -> dict[str, Any]:
    """What may be logged of an error: its own message can hold names and ids."""
    found: dict[str, Any] = {"error": type(error).__name__}
    if isinstance(error, ApiProblem):
        found |= {"status": error.status, "code": error.code}
    return found


def _note_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.warning("background work failed", extra=_fault(error))
