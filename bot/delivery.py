"""Sends what is owed: in order within a chat and lane, alerts first, chats side by side, until the network took it."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import logging
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from bot.chat import (
    Adapter,
    Chart,
    ChatClosed,
    ChatHasMoved,
    ChatId,
    DeliveryProblem,
    Document,
    Key,
    Lane,
    Letter,
    MessageGone,
    NativePoll,
    NotReached,
    Pace,
    PollSent,
    Refused,
    SlowDown,
    network_of,
)
from bot.drawing import drawn
from bot.text import Span
from storage import buttons, cards, outbox, people
from storage.database import Database, Reader, Transaction, Unavailable

log = logging.getLogger(__name__)

WAITING_PER_CHAT_MAX = 1000
"""More than this for one chat stays in the database until its turn comes."""
RETRY_SECONDS_FIRST = 1.0
RETRY_SECONDS_MAX = 60.0
ALERT_RETRY_SECONDS_MAX = 10.0
"""An alert asks more often whether a network is back."""
GIVEN_UP_AFTER = timedelta(hours=48)
"""A message that could not be sent for so long has lost its meaning."""
PIN_TRIES_MAX = 3
FAULTS_MAX = 2
"""A message that makes the program itself fail is tried so many times more."""
AT_ONCE_MAX = 30
"""Sends under way at one time on a network."""
ALERTS_BESIDE_MAX = 10
"""So many alerts more, should all of those hang."""
TOGETHER_MAX = 2
"""So many may begin at one moment where a network bears only so many a second."""
KEPT_FOR_ALERTS = 5
"""One of so many messages of a chat's measure is kept for alerts: what is ordinary never uses all of it up."""
NOTICE_WAITS_SECONDS_MAX = 1.0
"""So long a notice lets go first what is awaited in other chats."""
NOTICE_STEP_SECONDS = 0.01

Content = tuple[tuple[Span, ...], tuple[tuple[Key, ...], ...]]
Item = outbox.Owed | cards.Due


class Core(Protocol):
    """What delivery asks of the dispatcher."""

    async def render(self, tx: Transaction, card: cards.Due) -> Content | None:
        """What a card shows now."""

    async def not_pinned(self, tx: Transaction, card: cards.Due) -> None:
        """A card could not be put at the top of its chat, for the bot has no right to."""

    async def not_deleted(self, tx: Transaction, owed: outbox.Owed) -> None:
        """A message could not be taken out of its chat, for the bot has no right to."""

    async def poll_sent(self, tx: Transaction, owed: outbox.Owed, poll: NativePoll, sent: PollSent | None) -> None:
        """A poll of the network's own stands in its chat; None: none can stand there."""

    async def unreachable(self, tx: Transaction, owed: outbox.Owed | None, chat_id: int) -> None:
        """A chat turned out to be closed."""


ALERTS = 2 * Lane.ALERT
"""How urgent a new message in the lane of alerts is: the smaller, the sooner."""
NOTICES = 2 * Lane.NOTICE


def urgency(item: Item) -> int:
    """What goes first, by lanes. That the card of an alert is changed comes behind what is new in one."""
    changes = item.lane is Lane.ALERT and isinstance(item, cards.Due) and item.message is not None
    return 2 * item.lane + changes


class Turns:
    """Who may send on a network: so many at one time, and begun in a second; the most urgent first, wherever it goes.

    Alerts have some places of their own, and wait for nobody else; only the network's measure holds for them too.

    What begins in a second is spread over it. Were all begun at once and the next a second later, whatever delays a
    timer would be lost in each second; here the next ones catch up, as far as `TOGETHER_MAX` allows. (The generic cell
    rate algorithm, ITU-T I.371.)
    """

    def __init__(self, *, per_second: int | None) -> None:
        self._per_second = per_second
        self._under_way = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._next_at = 0.0
        """When the next one may begin, where all before it began evenly."""
        self._timer: asyncio.TimerHandle | None = None

    def ask(self, urgent: int) -> asyncio.Future[None]:
        """Ask for a turn; it is there when this is done, and given back by `end`."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (urgent, next(self._order), turn))
        self._give()
        return turn

    def hurry(self, turn: asyncio.Future[None], urgent: int) -> None:
        """What somebody waits with has become more urgent."""
        if not turn.done():
            heapq.heappush(self._waiting, (urgent, next(self._order), turn))
            self._give()

    def end(self, turn: asyncio.Future[None]) -> None:
        """Somebody is done, or waits no more."""
        if turn.done() and not turn.cancelled():
            self._under_way -= 1
        turn.cancel()
        self._give()

    def _give(self) -> None:
        while self._waiting:
            urgent, _, turn = self._waiting[0]
            if turn.done():
                heapq.heappop(self._waiting)
                continue
            if self._under_way >= AT_ONCE_MAX + (ALERTS_BESIDE_MAX if urgent == ALERTS else 0):
                return
            if (wait := self._wait()) > 0:
                if self._timer is None:
                    self._timer = asyncio.get_running_loop().call_later(wait, self._again)
                return
            heapq.heappop(self._waiting)
            self._under_way += 1
            if self._per_second is not None:
                self._next_at = max(self._next_at, time.monotonic()) + 1 / self._per_second
            turn.set_result(None)

    def _wait(self) -> float:
        if self._per_second is None:
            return 0.0
        return self._next_at - (TOGETHER_MAX - 1) / self._per_second - time.monotonic()

    def _again(self) -> None:
        self._timer = None
        self._give()

    def close(self) -> None:
        """Nobody gets a turn any more."""
        if self._timer is not None:
            self._timer.cancel()


@dataclass(frozen=True, slots=True)
class Pause:
    """How long to wait before the next try. `asked`: the network has asked for it."""

    seconds: float
    asked: bool = False


@dataclass(slots=True)
class _Chat:
    """What waits for one chat."""

    waiting: list[tuple[int, int, Item]] = field(default_factory=list)
    owed: set[int] = field(default_factory=set)
    """The ids of the messages that wait or are under way."""
    newest: dict[int, cards.Due] = field(default_factory=dict)
    """For each card that waits or is under way, its newest revision."""
    under_way: Item | None = None
    sent_at: deque[float] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None
    failures: int = 0
    """Tries in a row that did not reach the network."""
    faults: int = 0
    """Tries in a row in which the program itself failed."""
    overflowed: bool = False
    """More is owed than waits here: the rest is loaded when this is sent."""
    loading: bool = False
    turn: asyncio.Future[None] | None = None
    """Set while it waits for its turn, or has it."""
    alerted: asyncio.Event = field(default_factory=asyncio.Event)
    """A new alert has come in."""


class Delivery:
    """Drains the outbox to the adapters."""

    def __init__(
        self, database: Database, adapters: Mapping[str, Adapter], core: Core, *, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._adapters = adapters
        self._core = core
        self._now = now
        self._chats: dict[int, _Chat] = {}
        self._addresses: dict[int, ChatId] = {}
        self._order = itertools.count()
        self._turns: dict[str, Turns] = {}
        self._awaited: Counter[str] = Counter()
        """For each network, how much of what is more than a notice is being sent just now."""
        self._drawing = asyncio.Semaphore(1)
        """One picture at a time: drawing takes much memory."""
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._stopping = False

    async def start(self) -> None:
        """Take up what was owed when the program last ended."""
        await self._load()

    def wake(self, outgoing: list[Any]) -> None:
        """Take what a commit has left: called by the database, after it."""
        for item in outgoing:
            match item:
                case outbox.Owed() | cards.Due():
                    self._add(item)
                case people.Moved():
                    self._addresses[item.chat_id] = item.address
                case outbox.Withdrawn():
                    self._withdraw(item.thing)
                case _:
                    pass

    async def settle(self) -> None:
        """Return when nothing waits and nothing is under way."""
        await self._quiet.wait()

    async def stop(self, *, within_seconds: float) -> None:
        """Send what can be sent in that time; the rest stays in the outbox."""
        try:
            async with asyncio.timeout(within_seconds):
                await self.settle()
        except TimeoutError:
            log.warning("stopped with messages owed")
        self._stopping = True
        tasks = [chat.task for chat in self._chats.values() if chat.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for turns in self._turns.values():
            turns.close()

    @property
    def waiting(self) -> int:
        """How many messages wait in memory."""
        return sum(len(chat.waiting) for chat in self._chats.values())

    # --- queues ----------------------------------------------------------------------------------------------

    def _add(self, item: Item) -> None:
        # For a network that is not configured now everything stays in the outbox.
        if self._stopping or network_of(self._address(item)) not in self._adapters:
            return
        chat = self._chats.setdefault(item.chat_id, _Chat())
        if isinstance(item, cards.Due):
            known = chat.newest.get(item.id)
            if known is not None:
                # A card shows its newest state when its turn comes, or comes round again.
                if item.wanted > known.wanted:
                    chat.newest[item.id] = item
                return
        elif item.id in chat.owed:
            return
        # What came in after something that is left in the outbox waits there too, or it would overtake that.
        full = chat.overflowed or chat.loading or len(chat.waiting) >= WAITING_PER_CHAT_MAX
        if full and item.lane is not Lane.ALERT:
            chat.overflowed = True
            return
        if isinstance(item, cards.Due):
            chat.newest[item.id] = item
        else:
            chat.owed.add(item.id)
        self._push(chat, item)

    def _push(self, chat: _Chat, item: Item) -> None:
        urgent = urgency(item)
        heapq.heappush(chat.waiting, (urgent, next(self._order), item))
        if urgent == ALERTS:
            chat.alerted.set()
        if chat.turn is not None:
            self._turns_of(item).hurry(chat.turn, urgent)
        if chat.task is None:
            self._quiet.clear()
            chat.task = asyncio.create_task(self._drain(item.chat_id, chat))

    def _turns_of(self, item: Item) -> Turns:
        network = network_of(self._address(item))
        if network not in self._turns:
            self._turns[network] = Turns(per_second=self._adapters[network].per_second_max)
        return self._turns[network]

    def _withdraw(self, thing: str) -> None:
        for chat in self._chats.values():
            kept = [entry for entry in chat.waiting if not _is_about(entry[2], thing)]
            if len(kept) < len(chat.waiting):
                chat.owed -= {entry[2].id for entry in chat.waiting if _is_about(entry[2], thing)}
                heapq.heapify(kept)
                chat.waiting[:] = kept
            if chat.under_way is not None and _is_about(chat.under_way, thing):
                # It may arrive; should it not, it is not tried again.
                chat.under_way = None

    async def _load(self, only: int | None = None) -> None:
        """Take up what is owed, to all chats or only to the one with this row id."""

        async def owed(tx: Reader) -> tuple[list[outbox.Owed], list[cards.Due]]:
            messages: list[outbox.Owed] = []
            while page := await outbox.waiting(tx, after=messages[-1].id if messages else 0):
                messages += page
                if len(page) < outbox.LOADED_MAX:
                    break
            behind: list[cards.Due] = []
            while shown := await cards.waiting(tx, after=behind[-1].id if behind else 0):
                behind += shown
                if len(shown) < cards.LOADED_MAX:
                    break
            return messages, behind

        chat = self._chats.get(only) if only is not None else None
        if chat is not None:
            # What is owed from now on may not be in the answer: it is left for the next time.
            chat.overflowed, chat.loading = False, True
        try:
            messages, behind = await self._database.read(owed)
        finally:
            if chat is not None:
                chat.loading = False
        left = chat is not None and chat.overflowed
        if chat is not None:
            chat.overflowed = False
        found: list[Item] = [*messages, *behind]
        for item in found:
            if only is None or item.chat_id == only:
                self._add(item)
        if chat is not None:
            chat.overflowed |= left

    async def _drain(self, chat_id: int, chat: _Chat) -> None:
        try:
            while True:
                while chat.waiting:
                    await self._give_way(chat)
                    if chat.waiting:
                        await self._pace(chat)
                    if chat.waiting:
                        await self._send_first(chat)
                if not chat.overflowed:
                    break
                await self._load(chat_id)
        except Exception:
            # A fault here must not silence the chat: what was owed is still in the outbox.
            log.exception("delivery failed")
            await asyncio.sleep(RETRY_SECONDS_FIRST)
            chat.overflowed = True
        finally:
            chat.task = None
            if (chat.waiting or chat.overflowed) and not self._stopping:
                chat.task = asyncio.create_task(self._drain(chat_id, chat))
            elif all(other.task is None for other in self._chats.values()):
                self._quiet.set()

    async def _send_first(self, chat: _Chat) -> None:
        # Each network for itself: one that is away must not keep another one waiting.
        turns = self._turns_of(chat.waiting[0][2])
        chat.turn = turns.ask(chat.waiting[0][0])
        try:
            await chat.turn
            # Only now is it decided what goes first: an alert may have come in meanwhile, or all be withdrawn.
            pause = await self._send_one(chat) if chat.waiting else None
        finally:
            turns.end(chat.turn)
            chat.turn = None
        if pause is not None:
            await self._rest(chat, pause)

    async def _send_one(self, chat: _Chat) -> Pause | None:
        urgent, order, item = heapq.heappop(chat.waiting)
        tried = chat.newest[item.id] if isinstance(item, cards.Due) else item
        chat.under_way, again = item, False
        chat.alerted.clear()
        network, awaited = network_of(self._address(item)), urgent < NOTICES
        self._awaited[network] += awaited
        try:
            pause = await self._try(tried, chat)
            again = pause is not None and chat.under_way is not None
        finally:
            chat.under_way = None
            self._awaited[network] -= awaited
            if again:
                heapq.heappush(chat.waiting, (urgent, order, item))
            elif isinstance(tried, cards.Due):
                newer = chat.newest.pop(tried.id)
                if newer is not tried:
                    # It changed meanwhile. Its message is known only now, so it is looked up again.
                    chat.newest[newer.id] = newer = replace(newer, prepared=None)
                    self._push(chat, newer)
            else:
                chat.owed.discard(tried.id)
        return pause if again else None

    async def _rest(self, chat: _Chat, pause: Pause) -> None:
        """Wait before the next try. A new alert does not wait for what was only our own guess."""
        if pause.asked:
            await asyncio.sleep(pause.seconds)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(chat.alerted.wait(), pause.seconds)

    async def _give_way(self, chat: _Chat) -> None:
        """Where one limit holds for all chats, a notice lets go first, for a moment, what is awaited in others."""
        network = network_of(self._address(chat.waiting[0][2]))
        if not self._adapters[network].one_limit:
            return
        end = time.monotonic() + NOTICE_WAITS_SECONDS_MAX
        # What ends it is no one event: something more urgent here, nothing any more elsewhere, or time.
        while self._may_wait(chat, network) and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(NOTICE_STEP_SECONDS)

    def _may_wait(self, chat: _Chat, network: str) -> bool:
        return bool(chat.waiting) and chat.waiting[0][0] == NOTICES and self._awaited[network] > 0

    async def _pace(self, chat: _Chat) -> None:
        first = chat.waiting[0][2]
        if isinstance(first, outbox.Owed) and first.deletes is not None:
            # What is taken away does not count as said.
            return
        adapter = self._adapters.get(network_of(self._address(first)))
        pace = adapter.pace(self._address(first)) if adapter else None
        if pace is None:
            return
        while len(chat.sent_at) >= _room(pace, chat.waiting[0][2]):
            left = chat.sent_at[0] + pace.seconds - time.monotonic()
            # An alert does not wait for our own sense of measure; the network's word still binds it.
            if left <= 0 or chat.waiting[0][0] == ALERTS:
                chat.sent_at.popleft()
                continue
            await asyncio.sleep(min(left, 0.25))
            if not chat.waiting:
                return
        chat.sent_at.append(time.monotonic())

    def _address(self, item: Item) -> ChatId:
        return self._addresses.get(item.chat_id, item.address)

    # --- sending ---------------------------------------------------------------------------------------------

    async def _try(self, item: Item, chat: _Chat) -> Pause | None:
        """Send one item. Returns how long to wait before the next try, or None when it is done with."""
        adapter = self._adapters[network_of(self._address(item))]
        try:
            if isinstance(item, cards.Due):
                await self._send_card(item, adapter)
            else:
                await self._send_owed(item, adapter)
        except SlowDown as slow:
            log.info("network asks for a pause", extra={"seconds": slow.seconds})
            return Pause(slow.seconds, asked=True)
        except ChatHasMoved as moved:
            await self._moved(item, moved.to)
            return Pause(0)
        except ChatClosed:
            log.info("chat closed", extra={"lane": int(item.lane)})
            await self._give_up(item, closed=True)
        except Refused:
            log.warning("message refused by the network", extra={"lane": int(item.lane)})
            await self._give_up(item, closed=False)
        except (NotReached, Unavailable):
            if isinstance(item, outbox.Owed) and self._now() - item.created_at > GIVEN_UP_AFTER:
                await self._give_up(item, closed=False)
                return None
            return self._backoff(chat, item.lane)
        except Exception:
            # A fault of ours with this one message must not silence the chat for ever.
            log.exception("message could not be made")
            chat.faults += 1
            if chat.faults <= FAULTS_MAX:
                return self._backoff(chat, item.lane)
            await self._give_up(item, closed=False)
        chat.failures = chat.faults = 0
        return None

    def _backoff(self, chat: _Chat, lane: Lane) -> Pause:
        most = min(RETRY_SECONDS_MAX, ALERT_RETRY_SECONDS_MAX) if lane is Lane.ALERT else RETRY_SECONDS_MAX
        pause = min(most, RETRY_SECONDS_FIRST * 2.0**chat.failures)
        chat.failures = min(chat.failures + 1, 16)
        # Chats that failed together should not all come back at the same moment.
        return Pause(pause * random.uniform(0.75, 1.25))  # noqa: S311

    async def _send_owed(self, owed: outbox.Owed, adapter: Adapter) -> None:
        if owed.deletes is not None:
            await self._delete(owed, *owed.deletes, adapter)
            return
        if owed.ends is not None:
            await self._end_poll(owed, *owed.ends, adapter)
            return
        if owed.poll is not None:
            await self._send_poll(owed, owed.poll, adapter)
            return
        if owed.wire is not None:
            sent_as = await adapter.carry(owed.key, self._address(owed), owed.wire)
            await self._mark(lambda tx: outbox.delivered(tx, owed.id, sent_as))
            return
        letter, message = self._letter(owed, (owed.spans, owed.keys)), owed.edits
        if isinstance(owed.document, Chart):
            # Should it not come about: the words say the same.
            async with self._drawing:
                letter = replace(letter, document=await drawn(owed.document))
        if message is not None:
            try:
                await adapter.edit(letter, message)
            except Refused:
                # The message is gone, or too old to change: then it is a new one.
                message = None
        if message is None:
            message = await adapter.send(letter)

        async def sent(tx: Transaction) -> None:
            await outbox.delivered(tx, owed.id, message)
            await self._lay_out(tx, owed, message, owed.keys, adapter)

        await self._mark(sent)

    async def _delete(self, owed: outbox.Owed, place: ChatId, message: str, adapter: Adapter) -> None:
        # In a chat that has moved meanwhile messages are numbered anew: this one is gone, and its number another's.
        may = place != self._address(owed) or await adapter.delete(place, message)

        async def done(tx: Transaction) -> None:
            await outbox.delivered(tx, owed.id, message)
            if not may:
                await self._core.not_deleted(tx, owed)

        await self._mark(done)

    async def _send_poll(self, owed: outbox.Owed, poll: NativePoll, adapter: Adapter) -> None:
        found: PollSent | None
        try:
            found = await adapter.send_poll(self._letter(owed, (owed.spans, owed.keys)), poll)
        except Refused:
            log.info("no poll of the network's own here")
            found = None

        async def sent(tx: Transaction) -> None:
            if found is None:
                await outbox.give_up(tx, owed.id)
            else:
                await outbox.delivered(tx, owed.id, found.message)
            await self._core.poll_sent(tx, owed, poll, found)

        await self._mark(sent)

    async def _end_poll(self, owed: outbox.Owed, place: ChatId, message: str, adapter: Adapter) -> None:
        # In a chat that has moved meanwhile it is out of reach, and counts no more all the same.
        if place == self._address(owed):
            try:
                await adapter.end_poll(self._letter(owed, (owed.spans, owed.keys)), message)
            except Refused:
                log.info("a poll of the network's own could not be ended")
        await self._mark(lambda tx: outbox.delivered(tx, owed.id, message))

    async def _send_card(self, due: cards.Due, adapter: Adapter) -> None:
        content = due.prepared
        if content is None:
            current = await self._database.transact(lambda tx: self._current(tx, due.id))
            if current is None:
                return
            due, content = current
        revision, message, first = due.wanted, due.message, due.message is None
        if content is not None:
            letter = self._letter(due, content)
            if message is None:
                message = await adapter.send(letter)
            else:
                try:
                    await adapter.edit(letter, message)
                except MessageGone:
                    message = None

        async def sent(tx: Transaction) -> None:
            await cards.sent(tx, due.id, revision, message)
            if message is not None and content is not None:
                await self._lay_out(tx, due, message, content[1], adapter)

        await self._mark(sent)
        if due.pinned and first and message is not None:
            await self._pin(due, message, adapter)

    async def _pin(self, due: cards.Due, message: str, adapter: Adapter) -> None:
        """Put a card at the top. It is a help and no more: a few tries."""
        for _ in range(PIN_TRIES_MAX):
            try:
                if not await adapter.pin(self._address(due), message):
                    await self._mark(lambda tx: self._core.not_pinned(tx, due))
            except SlowDown as slow:
                await asyncio.sleep(slow.seconds)
            except DeliveryProblem:
                log.info("card not pinned")
                return
            else:
                return

    async def _lay_out(
        self, tx: Transaction, item: Item, message: str, keys: tuple[tuple[Key, ...], ...], adapter: Adapter
    ) -> None:
        """Where buttons are numbered, what stands under the message must be known when somebody answers."""
        if adapter.numbered and (keys or isinstance(item, cards.Due)):
            await buttons.lay_out(tx, item.chat_id, message, keys, now=self._now())

    async def _current(self, tx: Transaction, card_id: int) -> tuple[cards.Due, Content | None] | None:
        due = await cards.get(tx, card_id)
        return (due, await self._core.render(tx, due)) if due is not None else None

    async def _mark(self, work: Callable[[Transaction], Any]) -> None:
        """Put down what was sent. While nothing can be stored this waits: else it would be sent again."""
        while True:
            try:
                await self._database.transact(work, lazy=True)
            except Unavailable:
                await self._database.mended()
            else:
                return

    async def _moved(self, item: Item, to: ChatId) -> None:
        old = self._address(item)
        await self._mark(lambda tx: people.move_place(tx, old, to))
        self._addresses[item.chat_id] = to

    async def _give_up(self, item: Item, *, closed: bool) -> None:
        async def work(tx: Transaction) -> None:
            if isinstance(item, outbox.Owed):
                await outbox.give_up(tx, item.id)
            elif (current := await cards.get(tx, item.id)) is not None:
                await cards.sent(tx, item.id, item.wanted, current.message)
            if closed:
                await self._core.unreachable(tx, item if isinstance(item, outbox.Owed) else None, item.chat_id)

        await self._mark(work)

    def _letter(self, item: Item, content: Content) -> Letter:
        chat = self._address(item)
        return Letter(
            key=item.key,
            chat=chat,
            topic=item.topic,
            # In a chat that has moved meanwhile messages are numbered anew.
            reply_to=item.reply_to if chat == item.address else None,
            spans=content[0],
            keys=content[1],
            lane=item.lane,
            document=item.document if isinstance(item, outbox.Owed) and isinstance(item.document, Document) else None,
        )


def _is_about(item: Item, thing: str) -> bool:
    return isinstance(item, outbox.Owed) and (thing in item.about or thing == outbox.thing(item.id))


def _room(pace: Pace, item: Item) -> int:
    """How much of a chat's measure is there for this."""
    return pace.messages if item.lane is Lane.ALERT else pace.messages - pace.messages // KEPT_FOR_ALERTS
