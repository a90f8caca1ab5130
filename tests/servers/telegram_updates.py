"""What the bot has not fetched yet: the queue behind getUpdates, after TQueue and Client::do_get_updates."""

from __future__ import annotations

import asyncio
import json
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

UPDATE_TYPES = (
    "message", "edited_message", "channel_post", "edited_channel_post", "business_connection",
    "business_message", "edited_business_message", "deleted_business_messages", "message_reaction",
    "message_reaction_count", "inline_query", "chosen_inline_result", "callback_query", "shipping_query",
    "pre_checkout_query", "purchased_paid_media", "poll", "poll_answer", "my_chat_member", "chat_member",
    "chat_join_request", "chat_boost", "removed_chat_boost",
)  # fmt: skip
NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
LIFETIME_SECONDS = 86_400
LIMIT_MAX = 100
TIMEOUT_MAX_SECONDS = 50
_AHEAD_MAX = 10  # an offset further beyond the end is an error, and then the head answers
_BEHIND_MAX = 2_000_000


class Conflict(Exception):
    """The poll ends with 409."""


@dataclass(slots=True)
class Event:
    """One update as it will be sent."""

    id: int
    body: bytes
    expires_at: float
    twice: bool = False  # fault: delivered once more after it was acknowledged
    shuffled: bool = False  # fault: changes places with others of its batch


class UpdateQueue:
    """Updates in order of their ids, kept until acknowledged or a day old."""

    def __init__(self, now: Callable[[], float], chance: random.Random) -> None:
        self._now = now
        self._chance = chance
        self._events: deque[Event] = deque()
        self._tail = chance.randrange(2_000_001, 1 << 29)  # the id of the next update
        self._jump_pending = False
        self._poll: asyncio.Future[None] | None = None
        self._previous = (-1, 0.0)  # offset and time of the getUpdates before
        self.allowed: frozenset[str] = frozenset(UPDATE_TYPES) - NOT_BY_DEFAULT
        self.repeat_rule = True
        self.repeat_wait_seconds = 3.0
        self.repeat_limit_seconds = 0.5
        self.on_wait: Callable[[], None] = lambda: None
        self.acknowledged = 0

    # -- filling --------------------------------------------------------------------------------

    def push(
        self,
        update: Json,
        lifetime: float,
        *,
        twice: bool = False,
        shuffled: bool = False,
        skip: int = 0,
    ) -> int:
        """Queue an update; `skip` leaves a gap in the ids. An update that brings its own id keeps it."""
        if self._jump_pending and not self._events:
            self._jump_pending = False
            self._tail = self._chance.randrange(1, 1 << 29)
        self._tail += skip
        update_id = int(update.get("update_id", self._tail))
        self._tail = max(self._tail, update_id) + (update_id >= self._tail)
        body = json.dumps({"update_id": update_id, **update}).encode()
        event = Event(update_id, body, self._now() + lifetime, twice, shuffled)
        self._events.append(event)
        if self._poll is not None and not self._poll.done():
            # As the official server: a poll waits a moment for more, so that a burst is one batch.
            poll = self._poll
            asyncio.get_running_loop().call_later(0.001, _finish, poll)
        return update_id

    def jump(self) -> None:
        """The next update gets a random id, as after a week of silence; at once or when the queue is empty."""
        self._jump_pending = True

    def clear(self) -> None:
        """Forget what waits (drop_pending_updates)."""
        self._events.clear()

    def __len__(self) -> int:
        self._expire()
        return len(self._events)

    def allow(self, names: list[str]) -> None:
        """Remember allowed_updates; an empty list means the default again."""
        chosen = frozenset(name.lower() for name in names) & frozenset(UPDATE_TYPES)
        self.allowed = chosen or frozenset(UPDATE_TYPES) - NOT_BY_DEFAULT

    # -- emptying -------------------------------------------------------------------------------

    def _expire(self) -> None:
        now = self._now()
        while self._events and self._events[0].expires_at <= now:
            self._events.popleft()

    def _acknowledge(self, offset: int) -> None:
        kept: list[Event] = []
        while self._events and self._events[0].id < offset:
            event = self._events.popleft()
            if event.twice:
                event.twice = False
                kept.append(event)
            else:
                self.acknowledged += 1
        self._events.extendleft(reversed(kept))

    def take(self, offset: int, limit: int) -> list[bytes]:
        """The updates from offset on; everything before it is thereby acknowledged."""
        self._expire()
        if offset < 0:
            while len(self._events) > -offset:
                self._events.popleft()
        elif offset > 0:
            head = self._events[0].id if self._events else self._tail
            if head - _BEHIND_MAX <= offset <= self._tail + _AHEAD_MAX:
                self._acknowledge(offset)
        now = self._now()
        # Only as far as the limit: a backlog of thousands must not cost each of its fetches.
        batch: list[Event] = []
        for event in self._events:
            if len(batch) == limit:
                break
            if event.expires_at > now:  # callbacks live shorter than messages before them
                batch.append(event)
        if len(batch) > 1 and any(event.shuffled for event in batch):
            for event in batch:
                event.shuffled = False
            before = list(batch)
            while batch == before:
                self._chance.shuffle(batch)
        return [event.body for event in batch]

    async def poll(self, offset: int, limit: int, seconds: float) -> list[bytes]:
        """getUpdates: long polling, with one poll at a time (the newest) and a brake for repeated offsets."""
        loop = asyncio.get_running_loop()
        limit = limit if 1 <= limit <= LIMIT_MAX else LIMIT_MAX
        seconds = min(max(seconds, 0), TIMEOUT_MAX_SECONDS)
        previous_offset, previous_at = self._previous
        now = loop.time()
        if self.repeat_rule and offset == previous_offset:
            if seconds < self.repeat_wait_seconds and now < previous_at + self.repeat_wait_seconds:
                seconds = self.repeat_wait_seconds
            if now < previous_at + self.repeat_limit_seconds:
                limit = 1
        self._previous = (offset, now)
        batch = self.take(offset, limit)
        if batch or not seconds:
            return batch
        self.abort("Conflict: terminated by other getUpdates request; "
                   "make sure that only one bot instance is running")  # fmt: skip
        poll = self._poll = loop.create_future()
        self.on_wait()
        alarm = loop.call_later(seconds, _finish, poll)
        try:
            await poll
        finally:
            alarm.cancel()
            if self._poll is poll:
                self._poll = None
        return self.take(offset, limit)

    def abort(self, description: str) -> None:
        """End the poll that waits, with 409."""
        if self._poll is not None and not self._poll.done():
            self._poll.set_exception(Conflict(description))
        self._poll = None

    def wake(self) -> None:
        """End the poll that waits, with what there is."""
        if self._poll is not None:
            _finish(self._poll)

    @property
    def polling(self) -> bool:
        """Whether a bot is waiting for updates at this moment."""
        return self._poll is not None


def _finish(poll: asyncio.Future[None]) -> None:
    if not poll.done():
        poll.set_result(None)
