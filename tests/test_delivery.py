"""What leaves: in order, once, to the right chat, however the network behaves."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import resource
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import delivery as module
from bot.chat import (
    Chat,
    ChatClosed,
    ChatHasMoved,
    ChatId,
    DeliveryProblem,
    Lane,
    Letter,
    MessageGone,
    NativePoll,
    NotReached,
    Pace,
    PollSent,
    Refused,
    Sender,
    Shown,
    SlowDown,
    UserId,
    WireAct,
)
from bot.delivery import Delivery
from bot.dispatch import Dispatcher
from bot.router import Commands, Router, View
from bot.text import Reader as For
from bot.text import T, plain
from storage import cards, outbox, people
from storage.database import Database, Transaction
from tests import schema

NOW = datetime(2026, 1, 5, 18, 0, tzinfo=UTC)
GROUP, OTHER, BEN = ChatId("post:group"), ChatId("post:other"), ChatId("post:dm:ben")

# A card of these tests shows what stands for it in the table `meta`.
router = Router("things")


@router.card("thing")
async def thing(view: View, ref: int) -> Shown | None:
    """What the thing says now."""
    state = await view.tx.value("SELECT value FROM meta WHERE name = ?", f"thing:{ref}")
    return Shown(T("{state}", state=str(state))) if state is not None else None


# --- a network -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Arrived:
    """Something that the network took."""

    kind: str
    chat: str
    text: str
    key: str
    reply_to: str | None
    lane: Lane
    at: float


@dataclass
class Post:
    """A network in memory. What it does wrong is put into `faults`: for each chat, one for each of the next tries.

    A fault is raised instead of the effect; in `too_late`, after it.
    """

    network: str = "post"
    prefix: str = "/"
    popup_characters_max: int = 0
    numbered: bool = False
    reaches: bool = False
    one_limit: bool = False
    carries: str | None = None
    per_second_max: int | None = None
    arrived: list[Arrived] = field(default_factory=list)
    tries: list[tuple[ChatId, str, float]] = field(default_factory=list)
    shown: dict[tuple[ChatId, str], str] = field(default_factory=dict)
    faults: dict[ChatId, deque[Exception | None]] = field(default_factory=dict)
    too_late: set[int] = field(default_factory=set)
    held: dict[ChatId, asyncio.Event] = field(default_factory=dict)
    paces: dict[ChatId, Pace] = field(default_factory=dict)
    seconds: float = 0.0
    pinned: list[tuple[ChatId, str]] = field(default_factory=list)
    pins: bool = True
    pin_faults: deque[Exception] = field(default_factory=deque)
    deleted: list[tuple[ChatId, str]] = field(default_factory=list)
    delete_faults: deque[Exception] = field(default_factory=deque)
    under_way: int = 0
    under_way_max: int = 0
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def run(self, caught_up: Callable[[], None]) -> None:
        """Nothing comes in here."""
        caught_up()

    async def send(self, letter: Letter) -> str:
        """Take a message."""
        message = str(next(self.numbers))
        await self._take(letter, "send", lambda: self.shown.__setitem__((letter.chat, message), plain(letter.spans)))
        return message

    async def edit(self, letter: Letter, message: str) -> None:
        """Change a message."""
        if (letter.chat, message) not in self.shown:
            raise MessageGone
        await self._take(letter, "edit", lambda: self.shown.__setitem__((letter.chat, message), plain(letter.spans)))

    async def carry(self, key: str, chat: ChatId, wire: WireAct) -> str:
        """Committees are not linked over this network. Raises Refused."""
        raise Refused

    async def pin(self, chat: ChatId, message: str) -> bool:
        """Nothing stands above anything else here."""
        if self.pin_faults:
            raise self.pin_faults.popleft()
        self.pinned.append((chat, message))
        return self.pins

    async def send_poll(self, letter: Letter, poll: NativePoll) -> PollSent:
        raise Refused

    async def end_poll(self, letter: Letter, message: str) -> None:
        raise Refused

    async def delete(self, chat: ChatId, message: str) -> bool:
        """Take a message out of a chat."""
        if self.delete_faults:
            raise self.delete_faults.popleft()
        self.deleted.append((chat, message))
        return self.pins

    async def _take(self, letter: Letter, kind: str, effect: Callable[[], None]) -> None:
        self.tries.append((letter.chat, plain(letter.spans), time.monotonic()))
        self.under_way += 1
        self.under_way_max = max(self.under_way, self.under_way_max)
        try:
            await asyncio.sleep(self.seconds)
            if letter.chat in self.held:
                await self.held[letter.chat].wait()
            faults = self.faults.get(letter.chat)
            fault = faults.popleft() if faults else None
            if fault is not None and id(fault) not in self.too_late:
                raise fault
            effect()
            text, reply_to = plain(letter.spans), letter.reply_to
            self.arrived.append(Arrived(kind, letter.chat, text, letter.key, reply_to, letter.lane, time.monotonic()))
            if fault is not None:
                raise fault
        finally:
            self.under_way -= 1

    def pace(self, chat: ChatId) -> Pace | None:
        """As a test wants it."""
        return self.paces.get(chat)

    def link(self, payload: str) -> str | None:
        """There are none here."""
        return None

    async def close(self) -> None:
        """Nothing is open."""

    def hold(self, chat: ChatId) -> asyncio.Event:
        """Take nothing in this chat until the event is set; what is tried meanwhile waits."""
        return self.held.setdefault(chat, asyncio.Event())

    def fails(self, chat: ChatId, *faults: Exception | None) -> None:
        """The next tries in this chat."""
        self.faults.setdefault(chat, deque()).extend(faults)

    def texts(self, chat: ChatId) -> list[str]:
        """What arrived in a chat, edits marked."""
        return [f"{one.text} (edit)" if one.kind == "edit" else one.text for one in self.arrived if one.chat == chat]

    def visible(self, chat: ChatId) -> list[str]:
        """What stands in a chat now."""
        return [text for (where, _), text in self.shown.items() if where == chat]


@dataclass
class House:
    """The real database, dispatcher and delivery, and a committee with a group and ben's private chat."""

    path: Path
    post: Post
    database: Database
    delivery: Delivery
    now: list[datetime]
    committee: int = 1

    @classmethod
    async def open(cls, path: Path, post: Post | None = None) -> House:
        """Open or begin it. Delivery does not begin before `start`."""
        new = not path.exists()
        if new:
            schema.write_new(path)
        database, post, now = await Database.open(path), post or Post(), [NOW]
        dispatcher = Dispatcher(database, Commands([router]), now=lambda: now[0], popups={})
        delivery = Delivery(database, {post.network: post}, dispatcher, now=lambda: now[0])
        database.on_commit = delivery.wake
        house = cls(path, post, database, delivery, now)
        if new:
            await database.transact(house._found)
        await delivery.start()
        return house

    async def _found(self, tx: Transaction) -> None:
        committee = await people.found_committee(tx, name="Riverside", language="en", zone="UTC", floor=None, now=NOW)
        for address in (GROUP, OTHER):
            place = await people.place(tx, Chat(id=address, private=False, title="Riverside"))
            await people.settle_in(tx, place, committee.id, topic=None)
        place = await people.place(tx, Chat(id=BEN, private=True))
        person = await people.seen(tx, Sender(user=UserId("post:ben"), name="Ben"), private_chat=place.id, now=NOW)
        await people.join(tx, committee.id, person, now=NOW)

    async def close(self) -> None:
        """Stop at once, as far as that can be waited for."""
        await asyncio.wait_for(self.delivery.stop(within_seconds=0), 10)
        await asyncio.wait_for(self.database.close(), 10)

    async def restarted(self) -> House:
        """The program ends and begins again, with the network as it was."""
        await self.close()
        return await House.open(self.path, self.post)

    async def quiet(self) -> None:
        """Everything is delivered."""
        await asyncio.wait_for(self.delivery.settle(), 20)

    # --- what handlers do ------------------------------------------------------------------------------------

    async def owe(
        self,
        text: str,
        to: ChatId = GROUP,
        *,
        lane: Lane = Lane.ANSWER,
        about: tuple[str, ...] = (),
        reply_to: str | None = None,
        fallback: ChatId | None = None,
        now: datetime = NOW,
    ) -> None:
        """Owe a message."""
        await self.owe_all([text], to, lane=lane, about=about, reply_to=reply_to, fallback=fallback, now=now)

    async def owe_all(
        self,
        texts: list[str],
        to: ChatId = GROUP,
        *,
        lane: Lane = Lane.ANSWER,
        about: tuple[str, ...] = (),
        reply_to: str | None = None,
        fallback: ChatId | None = None,
        edits: str | None = None,
        now: datetime = NOW,
    ) -> None:
        """Owe several messages in one unit of work."""

        async def work(tx: Transaction) -> None:
            place = await people.place(tx, Chat(id=to, private=":dm:" in to))
            other = await people.place(tx, Chat(id=fallback, private=False)) if fallback else None
            for text in texts:
                await outbox.queue(
                    tx,
                    place,
                    T("{text}", text=text),
                    reader=For(),
                    now=now,
                    lane=lane,
                    about=about,
                    reply_to=reply_to,
                    fallback=other.id if other else None,
                    edits=edits,
                )

        await self.database.transact(work)

    async def show(
        self, ref: int, state: str, to: ChatId = GROUP, *, prepared: bool = False, pinned: bool = False
    ) -> None:
        """Show a thing in a chat, as an answer does where it is `prepared`."""

        async def work(tx: Transaction) -> None:
            await _put(tx, ref, state)
            place = await people.place(tx, Chat(id=to, private=False))
            due = await cards.show(tx, f"thing:{ref}", place, committee=self.committee, pinned=pinned)
            if prepared:
                await self._prepare(tx, due)

        await self.database.transact(work)

    async def _prepare(self, tx: Transaction, due: cards.Due) -> None:
        from dataclasses import replace

        tx.outgoing[-1] = replace(due, prepared=await self.delivery._core.render(tx, due))

    async def change(self, ref: int, state: str) -> None:
        """A thing changes."""

        async def work(tx: Transaction) -> None:
            await _put(tx, ref, state)
            await cards.changed(tx, f"thing:{ref}")

        await self.database.transact(work)

    async def withdraw(self, thing: str) -> None:
        """What waits about a thing is not owed any more."""
        await self.database.transact(lambda tx: outbox.withdraw(tx, thing))

    # --- what stands in the database ---------------------------------------------------------------------------

    async def states(self) -> dict[str, int]:
        """How many messages are waiting, delivered, given up."""
        return dict(
            await self.database.read(lambda tx: tx.all("SELECT state, count(*) FROM outbox GROUP BY state LIMIT 3"))
        )

    async def cards_behind(self) -> int:
        """How many cards show an older state than they should."""
        return int(await self.database.read(lambda tx: tx.value("SELECT count(*) FROM cards WHERE sent < wanted")))

    async def words_left(self) -> list[str]:
        """Words of messages that are not owed any more."""
        rows = await self.database.read(
            lambda tx: tx.all("SELECT body FROM outbox WHERE state <> 'waiting' AND body IS NOT NULL LIMIT 100")
        )
        return [body for (body,) in rows]


async def _put(tx: Transaction, ref: int, state: str) -> None:
    await tx.execute(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", f"thing:{ref}", state
    )


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A house in which everything works."""
    opened = await House.open(tmp_path / "data.sqlite")
    yield opened
    await opened.close()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS_FIRST", 0.01)
    monkeypatch.setattr(module, "RETRY_SECONDS_MAX", 0.08)


@pytest.fixture(autouse=True)
def _no_fault_of_delivery_itself(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    # It would recover from one by itself, a moment later, and hide it.
    found = [record for stage in ("setup", "call") for record in caplog.get_records(stage)]
    assert "delivery failed" not in [record.message for record in found]


async def until(holds: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(10):
        while True:
            found = holds()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.005)


# --- order -----------------------------------------------------------------------------------------------------


async def test_what_is_owed_to_a_chat_arrives_in_order_and_once(house: House) -> None:
    house.post.seconds = 0.001
    texts = [f"message {number}" for number in range(40)]
    for text in texts[:20]:
        await house.owe(text)
    await house.owe_all(texts[20:])
    await house.quiet()
    assert house.post.texts(GROUP) == texts
    assert await house.states() == {"delivered": 40}


async def test_alerts_leave_before_answers_answers_before_cards_and_cards_before_notices(house: House) -> None:
    free = house.post.hold(GROUP)
    await house.owe("the first is under way", lane=Lane.NOTICE)
    await until(lambda: house.post.under_way == 1)
    await house.owe_all(["notice 1", "notice 2"], lane=Lane.NOTICE)
    await house.show(1, "card")
    await house.owe_all(["answer 1", "answer 2"])
    await house.owe_all(["alert 1", "alert 2"], lane=Lane.ALERT)
    free.set()
    await house.quiet()
    assert house.post.texts(GROUP)[1:] == [
        "alert 1",
        "alert 2",
        "answer 1",
        "answer 2",
        "card",
        "notice 1",
        "notice 2",
    ]


async def test_a_chat_that_hangs_does_not_hold_up_the_others(house: House) -> None:
    free = house.post.hold(GROUP)
    await house.owe("hangs")
    await house.owe("for ben", BEN)
    await house.owe("elsewhere", OTHER)
    await until(lambda: len(house.post.arrived) == 2)
    assert house.post.texts(GROUP) == []
    free.set()
    await house.quiet()
    assert house.post.texts(GROUP) == ["hangs"]


async def test_only_so_many_sends_are_under_way_at_one_time(house: House) -> None:
    house.post.seconds = 0.2
    await asyncio.gather(*(house.owe("hello", ChatId(f"post:chat{n}")) for n in range(module.AT_ONCE_MAX * 2)))
    await house.quiet()
    assert len(house.post.arrived) == module.AT_ONCE_MAX * 2
    assert house.post.under_way_max == module.AT_ONCE_MAX


# --- a network that fails ----------------------------------------------------------------------------------------


async def test_a_pause_that_the_network_asks_for_is_kept_in_that_chat_and_only_there(house: House) -> None:
    house.post.fails(GROUP, SlowDown(0.3))
    await house.owe_all(["one", "two"])
    await house.owe("for ben", BEN)
    await house.quiet()
    assert house.post.texts(GROUP) == ["one", "two"]
    first, second, *_ = [at for chat, _, at in house.post.tries if chat == GROUP]
    assert second - first >= 0.3
    [for_ben] = [one.at for one in house.post.arrived if one.chat == BEN]
    assert for_ben < second


async def test_an_answer_takes_the_place_of_a_message_and_is_a_new_one_where_that_is_gone(house: House) -> None:
    await house.owe_all(["menu", "talk"])
    await house.quiet()
    [(menu, _)] = [(message, text) for (_, message), text in house.post.shown.items() if text == "menu"]
    await house.owe_all(["page"], edits=menu)
    await house.quiet()
    assert sorted(house.post.shown.values()) == ["page", "talk"]
    await house.owe_all(["next"], edits="gone")
    await house.quiet()
    assert sorted(house.post.shown.values()) == ["next", "page", "talk"]


async def test_a_page_that_was_owed_when_the_program_died_still_takes_its_place(house: House) -> None:
    await house.owe_all(["menu"])
    await house.quiet()
    [(_, menu)] = house.post.shown
    house.post.fails(GROUP, NotReached(), NotReached())
    await house.owe_all(["page"], edits=menu)
    await asyncio.sleep(0)
    house = await house.restarted()
    await house.quiet()
    assert list(house.post.shown.values()) == ["page"]
    await house.close()


async def test_a_card_is_pinned_when_it_is_first_sent_and_only_then(house: House) -> None:
    await house.show(1, "one", pinned=True)
    await house.quiet()
    await house.show(2, "another")
    await house.quiet()
    [(chat, message)] = house.post.pinned
    assert (chat, house.post.shown[chat, message]) == (GROUP, "one")


async def test_a_card_that_may_not_be_pinned_is_shown_anew_and_knows_why(house: House) -> None:
    house.post.pins = False
    house.post.pin_faults.extend([SlowDown(0.01), SlowDown(0.01)])
    await house.show(1, "one", pinned=True)
    await house.quiet()
    assert len(house.post.pinned) == 1, "it is tried again after a pause, and not after a no"
    assert await house.database.read(lambda tx: cards.lacks_pin(tx, "thing:1"))
    assert house.post.texts(GROUP) == ["one", "one (edit)"]


async def test_what_comes_in_the_way_of_pinning_holds_up_nothing(house: House) -> None:
    house.post.pin_faults.append(NotReached())
    await house.show(1, "one", pinned=True)
    await house.owe("next")
    await house.quiet()
    assert sorted(house.post.texts(GROUP)) == ["next", "one"]
    assert house.post.pinned == []


async def _delete(house: House, *messages: str, moved_to: ChatId | None = None) -> None:
    async def work(tx: Transaction) -> None:
        place = await people.place(tx, Chat(id=GROUP, private=False))
        for message in messages:
            await outbox.queue_deletion(tx, place, message, now=NOW)
        if moved_to is not None:
            await people.move_place(tx, GROUP, moved_to)

    await house.database.transact(work)


async def test_a_message_is_deleted_once_though_the_program_ends_before_it_is(house: House) -> None:
    house.post.delete_faults.extend([NotReached()] * 50)
    await _delete(house, "5", "6")
    again = await house.restarted()
    house.post.delete_faults.clear()
    await again.quiet()
    assert house.post.deleted == [(GROUP, "5"), (GROUP, "6")]
    once_more = await again.restarted()
    await once_more.quiet()
    assert len(house.post.deleted) == 2
    assert house.post.texts(GROUP) == [], "nothing is said"
    await once_more.close()


async def test_in_a_chat_that_has_moved_nothing_is_deleted_by_an_old_number(house: House) -> None:
    await _delete(house, "5", moved_to=ChatId("post:group:elsewhere"))
    await house.quiet()
    assert house.post.deleted == []
    assert (await house.states()) == {"delivered": 1}


async def test_what_is_deleted_keeps_no_message_waiting(house: House) -> None:
    house.post.paces[GROUP] = Pace(1, 60)
    await _delete(house, *(str(number) for number in range(30)))
    await house.owe("an answer")
    await house.quiet()
    assert len(house.post.deleted) == 30
    assert house.post.texts(GROUP) == ["an answer"]


async def test_a_network_out_of_reach_is_tried_again_with_growing_pauses_and_keeps_the_order(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS_FIRST", 0.02)
    monkeypatch.setattr(module, "RETRY_SECONDS_MAX", 0.16)
    house.post.fails(GROUP, *(NotReached() for _ in range(6)), None, NotReached())
    await house.owe_all(["one", "two"])
    await house.quiet()
    assert house.post.texts(GROUP) == ["one", "two"]
    at = [at for _, _, at in house.post.tries]
    pauses = [later - earlier for earlier, later in itertools.pairwise(at)]
    # A quarter is left to chance, so that chats do not come back all at once.
    for pause, least in zip(pauses[:6], [0.02, 0.04, 0.08, 0.16, 0.16, 0.16], strict=True):
        assert pause >= least * 0.75
    assert pauses[7] < 0.16 * 0.75, "after a success pauses begin small again"


async def test_every_try_of_a_message_carries_the_same_key(house: House) -> None:
    fault = NotReached()
    house.post.too_late.add(id(fault))
    house.post.fails(GROUP, fault)
    await house.owe("perhaps twice")
    await house.quiet()
    first, second = house.post.arrived
    assert first.key == second.key, "a network that remembers keys shows it once"


async def test_a_message_that_could_not_be_sent_for_two_days_is_given_up_and_the_next_goes_on(house: House) -> None:
    house.post.fails(GROUP, NotReached())
    await house.owe("too old", now=NOW - timedelta(hours=48, seconds=1))
    await house.owe("young enough", now=NOW - timedelta(hours=47))
    await house.quiet()
    assert house.post.texts(GROUP) == ["young enough"]
    assert await house.states() == {"delivered": 1, "given_up": 1}
    assert await house.words_left() == []


async def test_a_message_that_the_network_will_never_take_is_given_up_and_the_next_goes_on(house: House) -> None:
    house.post.fails(GROUP, Refused())
    await house.owe_all(["malformed", "fine"])
    await house.quiet()
    assert house.post.texts(GROUP) == ["fine"]
    assert await house.states() == {"delivered": 1, "given_up": 1}
    assert await house.words_left() == []


async def test_a_fault_of_the_program_with_one_message_does_not_silence_the_chat(house: House) -> None:
    house.post.fails(GROUP, *(ValueError() for _ in range(module.FAULTS_MAX + 1)))
    await house.owe_all(["makes us fail", "fine"])
    await house.quiet()
    assert house.post.texts(GROUP) == ["fine"]
    assert await house.states() == {"delivered": 1, "given_up": 1}


async def test_a_fault_that_passes_loses_nothing(house: House) -> None:
    house.post.fails(GROUP, *(NotReached() for _ in range(4)), ValueError(), NotReached(), ValueError())
    await house.owe_all(["one", "two"])
    await house.quiet()
    assert house.post.texts(GROUP) == ["one", "two"]


async def test_while_nothing_can_be_stored_a_message_that_was_sent_is_not_sent_again(house: House) -> None:
    free = house.post.hold(GROUP)
    await house.owe_all(["one", "two"])
    await until(lambda: house.post.under_way == 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        free.set()
        await until(lambda: house.database.trouble is not None)
        await asyncio.sleep(0.05)
        assert house.post.texts(GROUP) == ["one"]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await house.quiet()
    assert house.post.texts(GROUP) == ["one", "two"]
    assert await house.states() == {"delivered": 2}


# --- cards -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prepared", [False, True], ids=["shown", "answered"])
async def test_a_card_is_sent_once_and_then_edited(house: House, prepared: bool) -> None:
    await house.show(1, "first", prepared=prepared)
    await house.quiet()
    await house.change(1, "second")
    await house.quiet()
    assert house.post.texts(GROUP) == ["first", "second (edit)"]
    assert house.post.visible(GROUP) == ["second"]


@pytest.mark.parametrize("prepared", [False, True], ids=["shown", "answered"])
async def test_revisions_that_were_overtaken_are_skipped(house: House, prepared: bool) -> None:
    free = house.post.hold(GROUP)
    await house.owe("goes first")
    await until(lambda: house.post.under_way == 1)
    await house.show(1, "state 0", prepared=prepared)
    for number in range(1, 6):
        await house.change(1, f"state {number}")
    free.set()
    await house.quiet()
    assert house.post.texts(GROUP) == ["goes first", "state 5"]
    assert await house.cards_behind() == 0


@pytest.mark.parametrize("prepared", [False, True], ids=["shown", "answered"])
async def test_an_edit_waits_for_the_first_send(house: House, prepared: bool) -> None:
    free = house.post.hold(GROUP)
    await house.show(1, "state 0", prepared=prepared)
    await until(lambda: house.post.under_way == 1)
    for number in range(1, 6):
        await house.change(1, f"state {number}")
    free.set()
    await house.quiet()
    assert house.post.texts(GROUP) == ["state 0", "state 5 (edit)"]
    assert house.post.visible(GROUP) == ["state 5"], "one message shows it, not two"


async def test_a_card_shown_again_before_it_was_sent_is_not_sent_twice(house: House) -> None:
    free = house.post.hold(GROUP)
    await house.owe("goes first")
    await until(lambda: house.post.under_way == 1)
    await house.show(1, "old", prepared=True)
    await house.show(1, "new", prepared=True)
    free.set()
    await house.quiet()
    assert house.post.texts(GROUP) == ["goes first", "new"]


async def test_a_card_shown_again_is_a_new_message_and_that_one_is_edited_from_then_on(house: House) -> None:
    await house.show(1, "old")
    await house.quiet()
    await house.show(1, "again")
    await house.quiet()
    await house.change(1, "newest")
    await house.quiet()
    assert house.post.texts(GROUP) == ["old", "again", "newest (edit)"]
    assert house.post.visible(GROUP) == ["old", "newest"]


async def test_a_card_whose_message_is_gone_is_sent_anew_when_the_thing_changes(house: House) -> None:
    await house.show(1, "first")
    await house.quiet()
    house.post.shown.clear()
    await house.change(1, "second")
    await house.quiet()
    await house.change(1, "third")
    await house.quiet()
    await house.change(1, "fourth")
    await house.quiet()
    assert house.post.visible(GROUP) == ["fourth"]
    assert house.post.texts(GROUP)[-2:] == ["third", "fourth (edit)"]


@pytest.mark.parametrize(
    "fault", [Refused(), NotReached(), ValueError(), SlowDown(0.01)], ids=lambda f: type(f).__name__
)
async def test_a_card_that_could_not_be_edited_once_is_edited_at_the_next_change(
    house: House, fault: Exception
) -> None:
    await house.show(1, "first")
    await house.quiet()
    house.post.fails(GROUP, *([fault] * (3 if isinstance(fault, ValueError) else 1)))
    await house.change(1, "second")
    await house.quiet()
    await house.change(1, "third")
    await house.quiet()
    assert house.post.visible(GROUP) == ["third"]
    assert await house.cards_behind() == 0


async def test_a_card_of_something_that_is_gone_is_left_alone(house: House) -> None:
    await house.show(1, "first")
    await house.quiet()

    async def vanish(tx: Transaction) -> None:
        await tx.execute("DELETE FROM meta WHERE name = 'thing:1'")
        await cards.changed(tx, "thing:1")

    await house.database.transact(vanish)
    await house.quiet()
    assert house.post.texts(GROUP) == ["first"]
    assert await house.cards_behind() == 0


async def test_one_thing_in_two_chats_is_kept_up_to_date_in_both(house: House) -> None:
    await house.show(1, "first")
    await house.show(1, "first", OTHER)
    await house.quiet()
    await house.change(1, "second")
    await house.quiet()
    assert house.post.visible(GROUP) == house.post.visible(OTHER) == ["second"]


# --- chats that close and move -----------------------------------------------------------------------------------


async def test_what_cannot_be_told_in_private_is_mentioned_where_they_asked(house: House) -> None:
    house.post.fails(BEN, ChatClosed())
    await house.owe("You have 2 h.", BEN, fallback=GROUP, reply_to="77")
    await house.quiet()
    [notice] = house.post.arrived
    assert notice.chat == GROUP
    assert notice.reply_to == "77"
    assert "2 h" not in notice.text
    assert await house.states() == {"delivered": 1, "given_up": 1}
    assert await house.words_left() == []
    reached = await house.database.read(lambda tx: people.private_chat_of(tx, 1))
    assert reached is None, "nobody is reached there before they write again"


async def test_a_notice_to_a_closed_chat_is_given_up_quietly(house: House) -> None:
    house.post.fails(BEN, ChatClosed(), ChatClosed())
    await house.owe_all(["by the way", "and another thing"], BEN, lane=Lane.NOTICE)
    await house.quiet()
    assert house.post.arrived == []
    assert await house.states() == {"given_up": 2}


async def test_a_card_in_a_closed_chat_is_given_up_and_taken_up_at_the_next_change(house: House) -> None:
    await house.show(1, "first")
    await house.quiet()
    house.post.fails(GROUP, ChatClosed())
    await house.change(1, "second")
    await house.quiet()
    await house.change(1, "third")
    await house.quiet()
    assert house.post.visible(GROUP) == ["third"]


async def test_a_group_that_moves_takes_everything_with_it(house: House) -> None:
    new = ChatId("post:supergroup")
    await house.show(1, "first")
    await house.quiet()
    house.post.fails(GROUP, ChatHasMoved(new))
    free = house.post.hold(GROUP)
    await house.owe("one", reply_to="5")
    await until(lambda: house.post.under_way == 1)
    await house.owe("two", reply_to="6")
    await house.change(1, "second")
    free.set()
    await house.quiet()
    assert house.post.texts(GROUP) == ["first"]
    # Message numbers begin again in the new chat: nothing is edited and nothing replied to there.
    assert house.post.texts(new) == ["one", "two", "second"]
    assert [one.reply_to for one in house.post.arrived] == [None, None, None, None]
    await house.owe("three", new)
    await house.change(1, "third")
    await house.quiet()
    assert house.post.texts(new) == ["one", "two", "second", "three", "third (edit)"]
    found = await house.database.read(lambda tx: people.chats_of(tx, 1))
    assert [place.address for place in found] == [new, OTHER]


async def test_a_group_whose_new_chat_was_heard_from_first_is_still_one_chat(house: House) -> None:
    new = ChatId("post:supergroup")
    await house.show(1, "first")
    await house.quiet()
    house.post.fails(GROUP, ChatHasMoved(new))
    await house.owe("in the new chat", new)
    await house.owe("in the old chat")
    await house.quiet()
    assert sorted(house.post.texts(new)) == ["in the new chat", "in the old chat"]
    rows = await house.database.read(
        lambda tx: tx.all("SELECT address FROM chats WHERE private = 0 ORDER BY id LIMIT 9")
    )
    assert rows == [(new,), (OTHER,)]
    await house.owe("afterwards", new)
    await house.change(1, "second")
    await house.quiet()
    assert house.post.texts(new)[2:] == ["afterwards", "second"]


# --- ends and beginnings -----------------------------------------------------------------------------------------


async def test_what_was_owed_when_the_program_ended_is_sent_when_it_begins(tmp_path: Path) -> None:
    house = await House.open(tmp_path / "data.sqlite")
    house.post.hold(GROUP)
    await house.owe_all(["one", "two", "three"])
    await house.show(1, "card")
    await until(lambda: house.post.under_way == 1)
    house = await house.restarted()
    house.post.held.clear()
    house = await house.restarted()
    await house.quiet()
    assert house.post.texts(GROUP) == ["one", "two", "three", "card"]
    assert await house.states() == {"delivered": 3}
    house = await house.restarted()
    await house.quiet()
    assert len(house.post.arrived) == 4, "and not once more"
    await house.close()


async def test_stopping_sends_what_it_can_in_the_time_and_leaves_the_rest_owed(house: House) -> None:
    house.post.seconds = 0.02
    await house.owe_all([f"message {number}" for number in range(100)])
    began = time.monotonic()
    await house.delivery.stop(within_seconds=0.5)
    assert time.monotonic() - began < 2
    sent = len(house.post.arrived)
    assert 0 < sent < 100
    await asyncio.sleep(0.1)
    assert len(house.post.arrived) == sent, "nothing leaves after the stop"
    states = await house.states()
    assert states["waiting"] in (100 - sent, 100 - sent + 1)


async def test_stopping_when_nothing_is_owed_takes_no_time(house: House) -> None:
    began = time.monotonic()
    await house.delivery.stop(within_seconds=5)
    assert time.monotonic() - began < 1


async def test_messages_to_a_network_that_is_not_configured_stay_owed_and_cost_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING_PER_CHAT_MAX", 5)
    house = await House.open(tmp_path / "data.sqlite", Post(network="elsewhere"))
    await house.owe_all([f"message {number}" for number in range(20)])
    await house.quiet()
    assert await house.states() == {"waiting": 20}
    await house.close()
    house = await House.open(tmp_path / "data.sqlite", Post())
    await house.quiet()
    assert len(house.post.texts(GROUP)) == 20
    await house.close()


# --- more than fits ------------------------------------------------------------------------------------------------


async def test_more_messages_than_fit_all_arrive_in_order_and_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING_PER_CHAT_MAX", 7)
    house.post.seconds = 0.001
    texts = [f"message {number}" for number in range(60)]
    await house.owe_all(texts[:30])
    for text in texts[30:]:
        # These come in while the others are sent and loaded again.
        await house.owe(text)
        await asyncio.sleep(0.002)
    await house.quiet()
    assert house.post.texts(GROUP) == texts
    assert await house.states() == {"delivered": 60}


async def test_a_message_that_comes_in_while_others_are_loaded_is_sent_once_and_in_its_turn(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING_PER_CHAT_MAX", 2)
    looked = house.database.read

    async def slow_look(question: object) -> object:
        # Just before and just after the look into the outbox more is owed.
        await house.owe_all([f"before {len(house.post.arrived)}"])
        await house.owe("alert", lane=Lane.ALERT)
        found: object = await looked(question)  # type: ignore[arg-type]
        await house.owe_all([f"after {len(house.post.arrived)}"])
        return found

    await house.owe_all(["one", "two", "three", "four"])
    monkeypatch.setattr(house.database, "read", slow_look)
    await until(lambda: len(house.post.arrived) > 20)
    monkeypatch.undo()
    await house.quiet()
    owed = await looked(lambda tx: tx.all("SELECT key, lane FROM outbox ORDER BY id LIMIT 1000"))
    assert sorted(one.key for one in house.post.arrived) == sorted(key for key, _ in owed), "each once"
    in_turn = [one.key for one in house.post.arrived if one.lane is not Lane.ALERT]
    assert in_turn == [key for key, lane in owed if lane != Lane.ALERT]


async def test_the_last_message_that_comes_in_while_others_are_loaded_is_not_forgotten(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING_PER_CHAT_MAX", 2)
    looked = house.database.read

    async def slow_look(question: object) -> object:
        found: object = await looked(question)  # type: ignore[arg-type]
        monkeypatch.setattr(house.database, "read", looked)
        await house.owe("the last")
        return found

    monkeypatch.setattr(house.database, "read", slow_look)
    await house.owe_all(["one", "two", "three"])
    await house.quiet()
    assert house.post.texts(GROUP) == ["one", "two", "three", "the last"]


@pytest.mark.parametrize("one_limit", [True, False])
async def test_a_notice_lets_answers_in_other_chats_go_first_only_where_one_limit_holds_for_all(
    house: House, monkeypatch: pytest.MonkeyPatch, one_limit: bool
) -> None:
    monkeypatch.setattr("bot.delivery.NOTICE_WAITS_SECONDS_MAX", 60.0)
    house.post.one_limit = one_limit
    held = house.post.hold(GROUP)
    await house.owe("answer", GROUP)
    await house.owe("notice", BEN, lane=Lane.NOTICE)
    if one_limit:
        # What somebody waits for in the same chat does not wait with it.
        await house.owe("other answer", BEN)
        await _arrives(house, "other answer", BEN)
        assert house.post.texts(BEN) == ["other answer"]
        held.set()
    await _arrives(house, "notice", BEN)
    held.set()
    await house.quiet()


async def test_a_notice_waits_for_answers_in_other_chats_only_for_a_moment(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.delivery.NOTICE_WAITS_SECONDS_MAX", 0.05)
    house.post.one_limit = True
    held = house.post.hold(GROUP)
    await house.owe("answer", GROUP)
    await house.owe("notice", BEN, lane=Lane.NOTICE)
    await _arrives(house, "notice", BEN)
    assert house.post.texts(GROUP) == []
    held.set()
    await house.quiet()


async def _arrives(house: House, text: str, to: ChatId) -> None:
    async with asyncio.timeout(10):
        while text not in house.post.texts(to):
            await asyncio.sleep(0.01)


async def test_an_alert_leaves_first_even_where_more_waits_than_fits(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING_PER_CHAT_MAX", 5)
    free = house.post.hold(GROUP)
    await house.owe_all([f"message {number}" for number in range(20)])
    await until(lambda: house.post.under_way == 1)
    await house.owe("alert", lane=Lane.ALERT)
    free.set()
    await house.quiet()
    assert house.post.texts(GROUP) == ["message 0", "alert", *(f"message {number}" for number in range(1, 20))]


async def test_cards_that_did_not_fit_are_brought_up_to_date_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for ref in range(6):
        await house.show(ref, "old")
    await house.quiet()
    monkeypatch.setattr(module, "WAITING_PER_CHAT_MAX", 3)
    free = house.post.hold(GROUP)
    await house.owe_all([f"message {number}" for number in range(5)])
    for ref in range(6):
        await house.change(ref, "new")
    free.set()
    await house.quiet()
    assert house.post.visible(GROUP)[:6] == ["new"] * 6
    assert await house.cards_behind() == 0


# --- what must not leave any more ----------------------------------------------------------------------------------


async def test_what_is_withdrawn_while_it_waits_is_not_sent(house: House) -> None:
    free = house.post.hold(GROUP)
    await house.owe("goes first")
    await until(lambda: house.post.under_way == 1)
    await house.owe("erased", about=("transfer:1",))
    await house.owe("stays", about=("transfer:2",))
    await house.withdraw("transfer:1")
    free.set()
    await house.quiet()
    assert house.post.texts(GROUP) == ["goes first", "stays"]
    assert await house.words_left() == []


async def test_what_is_withdrawn_between_two_tries_is_not_tried_again(house: House) -> None:
    house.post.fails(GROUP, SlowDown(0.2))
    await house.owe("erased", about=("transfer:1",))
    await until(lambda: len(house.post.tries) == 1)
    await asyncio.sleep(0.02)
    await house.withdraw("transfer:1")
    await house.quiet()
    assert house.post.arrived == []


async def test_what_is_withdrawn_during_a_try_that_fails_is_not_tried_again(house: House) -> None:
    house.post.fails(GROUP, NotReached())
    free = house.post.hold(GROUP)
    await house.owe("erased", about=("transfer:1",))
    await until(lambda: house.post.under_way == 1)
    await house.withdraw("transfer:1")
    free.set()
    await house.owe("stays")
    await house.quiet()
    assert house.post.texts(GROUP) == ["stays"]


async def test_the_only_message_may_be_withdrawn_while_it_waits_for_its_pace(house: House) -> None:
    house.post.paces[GROUP] = Pace(1, 0.6)
    await house.owe("sets the pace")
    await house.quiet()
    await house.owe("erased", about=("transfer:1",))
    await asyncio.sleep(0.05)
    await house.withdraw("transfer:1")
    await house.quiet()
    await house.owe("stays", lane=Lane.ALERT)
    await house.quiet()
    assert house.post.texts(GROUP) == ["sets the pace", "stays"]


# --- pace ----------------------------------------------------------------------------------------------------------


async def test_a_chat_hears_no_more_than_its_network_bears(house: House) -> None:
    house.post.paces[GROUP] = Pace(3, 0.4)
    await house.owe_all([f"message {number}" for number in range(8)])
    await house.quiet()
    at = [one.at for one in house.post.arrived]
    for first, fourth in zip(at, at[3:], strict=False):
        assert fourth - first >= 0.39


async def test_an_alert_does_not_wait_for_the_pace(house: House) -> None:
    house.post.paces[GROUP] = Pace(1, 30)
    await house.owe("sets the pace")
    await house.quiet()
    await house.owe("waits", lane=Lane.NOTICE)
    await asyncio.sleep(0.05)
    began = time.monotonic()
    await house.owe_all(["alert 1", "alert 2"], lane=Lane.ALERT)
    await until(lambda: len(house.post.arrived) == 3)
    assert time.monotonic() - began < 5
    assert house.post.texts(GROUP) == ["sets the pace", "alert 1", "alert 2"]


async def test_a_changed_alert_card_keeps_the_pace_and_a_new_alert_goes_before_it(house: House) -> None:
    async def raised(tx: Transaction) -> None:
        await _put(tx, 1, "raised")
        await cards.show(
            tx,
            "thing:1",
            await people.place(tx, Chat(id=GROUP, private=False)),
            committee=house.committee,
            lane=Lane.ALERT,
        )

    house.post.paces[GROUP] = Pace(1, 1.0)
    await house.owe("sets the pace")
    await house.quiet()
    await house.database.transact(raised)
    await house.quiet()
    began = time.monotonic()
    await house.change(1, "1 is coming")
    await asyncio.sleep(0.05)
    await house.change(1, "2 are coming")
    await house.owe("another alert", lane=Lane.ALERT)
    await until(lambda: "another alert" in house.post.texts(GROUP))
    assert time.monotonic() - began < 0.8
    await house.quiet()
    assert house.post.texts(GROUP) == ["sets the pace", "raised", "another alert", "2 are coming (edit)"]


async def test_what_is_ordinary_leaves_some_of_the_measure_for_alerts(house: House) -> None:
    house.post.paces[GROUP] = Pace(10, 30)
    await house.owe_all([f"ordinary {number}" for number in range(30)], lane=Lane.NOTICE)
    await until(lambda: len(house.post.arrived) == 8)
    await asyncio.sleep(0.1)
    assert len(house.post.arrived) == 8
    await house.owe_all(["alert 1", "alert 2"], lane=Lane.ALERT)
    await until(lambda: len(house.post.arrived) == 10)
    # All the network takes in this time is used up now, and it has not been asked for more.
    assert house.post.texts(GROUP)[8:] == ["alert 1", "alert 2"]


async def test_what_waited_for_the_pace_was_merged_where_it_is_a_card(house: House) -> None:
    house.post.paces[GROUP] = Pace(1, 0.5)
    await house.owe("sets the pace")
    await house.quiet()
    await house.show(1, "state 0")
    for number in range(1, 9):
        await house.change(1, f"state {number}")
    await house.quiet()
    assert house.post.texts(GROUP) == ["sets the pace", "state 8"]


# --- alerts before everything else -----------------------------------------------------------------------------------


async def test_an_alert_leaves_before_what_waits_in_all_other_chats(house: House) -> None:
    house.post.seconds = 0.02
    everywhere = [ChatId(f"post:chat{n}") for n in range(200)]

    async def ordinary(tx: Transaction) -> None:
        for chat in everywhere:
            place = await people.place(tx, Chat(id=chat, private=False))
            for n in range(5):
                words = T("{text}", text=f"message {n}")
                await outbox.queue(tx, place, words, reader=For(), now=NOW, lane=Lane.ANSWER)

    await house.database.transact(ordinary)
    await until(lambda: house.post.under_way == module.AT_ONCE_MAX)
    before = len(house.post.arrived)
    await house.owe("alert", BEN, lane=Lane.ALERT)
    await house.owe("alert", everywhere[-1], lane=Lane.ALERT)
    await until(lambda: sum(one.lane is Lane.ALERT for one in house.post.arrived) == 2)
    ahead = len(house.post.arrived) - before
    await house.quiet()
    assert len(house.post.arrived) == 1002
    # What was under way already, and what left while the two were stored.
    assert ahead < 300


async def test_an_alert_is_sent_though_as_many_sends_hang_as_there_may_be(house: House) -> None:
    hung = [ChatId(f"post:chat{n}") for n in range(module.AT_ONCE_MAX)]
    held = [house.post.hold(chat) for chat in hung]
    for chat in hung:
        await house.owe("hangs", chat)
    await until(lambda: house.post.under_way == module.AT_ONCE_MAX)
    await house.owe("waits", GROUP)
    await house.owe("alert", BEN, lane=Lane.ALERT)
    await until(lambda: house.post.texts(BEN) == ["alert"])
    assert house.post.texts(GROUP) == []
    for event in held:
        event.set()
    await house.quiet()


async def test_where_a_network_bears_so_much_in_a_second_alerts_take_it_first(house: House) -> None:
    house.post.per_second_max = 10
    for chat in range(30):
        await house.owe(f"message {chat}", ChatId(f"post:chat{chat}"))
    for chat in range(10):
        await house.owe("alert", ChatId(f"post:alerted{chat}"), lane=Lane.ALERT)
    await house.quiet()
    lanes = [one.lane for one in sorted(house.post.arrived, key=lambda one: one.at)]
    before = lanes.index(Lane.ALERT)
    assert before <= 10
    assert lanes[before : before + 10] == [Lane.ALERT] * 10
    at = sorted(one.at for one in house.post.arrived)
    for first, later in zip(at, at[10 + module.TOGETHER_MAX :], strict=False):
        assert later - first >= 0.9


async def test_timers_that_come_late_cost_nothing_of_what_a_network_bears_in_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    late, now, timers = 0.03, [0.0], list[tuple[float, Callable[[], None]]]()

    def call_later(seconds: float, then: Callable[[], None]) -> None:
        timers.append((now[0] + seconds + late, then))

    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(asyncio.get_running_loop(), "call_later", call_later)
    turns = module.Turns(per_second=28)
    asked = [turns.ask(module.NOTICES) for _ in range(11 * 28 + 1)]
    begun_at: list[float] = []
    while asked:
        for turn in [turn for turn in asked if turn.done()]:
            begun_at.append(now[0])
            asked.remove(turn)
            turns.end(turn)
        if asked:
            now[0], then = timers.pop()
            then()
    assert begun_at[-1] - begun_at[28] == pytest.approx(10.0, abs=0.05)
    for first, later in zip(begun_at, begun_at[30:], strict=False):
        assert later - first >= 1.0


async def test_an_alert_waits_for_a_pause_that_the_network_asks_for_and_for_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS_FIRST", 30.0)
    monkeypatch.setattr(module, "RETRY_SECONDS_MAX", 30.0)
    house.post.fails(BEN, NotReached())
    await house.owe("notice", BEN, lane=Lane.NOTICE)
    await until(lambda: len(house.post.tries) == 1)
    house.post.fails(GROUP, SlowDown(0.5))
    await house.owe("card", GROUP, lane=Lane.CARD)
    await until(lambda: len(house.post.tries) == 2)
    began = time.monotonic()
    for chat in (BEN, GROUP):
        await house.owe("alert", chat, lane=Lane.ALERT)
    await house.quiet()
    assert house.post.texts(BEN) == ["alert", "notice"]
    assert house.post.texts(GROUP) == ["alert", "card"]
    assert 0.4 < time.monotonic() - began < 5


# --- whatever happens ------------------------------------------------------------------------------------------------


steps = st.lists(
    st.one_of(
        st.tuples(st.just("owe"), st.sampled_from([GROUP, BEN]), st.sampled_from(list(Lane))),
        st.tuples(st.just("show"), st.integers(0, 2), st.booleans()),
        st.tuples(st.just("change"), st.integers(0, 2), st.none()),
        st.tuples(st.just("fail"), st.sampled_from([GROUP, BEN]), st.sampled_from(["before", "after", "slow", "bug"])),
        st.tuples(st.just("pause"), st.floats(0, 0.01), st.none()),
        st.tuples(st.just("restart"), st.none(), st.none()),
    ),
    max_size=40,
)


# Each takes half a second: in each run half as many as elsewhere; in the long run as many.
@settings(max_examples=25 if settings.get_current_profile_name() == "ci" else settings().max_examples)
@given(steps=steps)
def test_whatever_the_network_does_all_arrives_in_order_and_cards_show_the_newest(
    steps: list[tuple[str, object, object]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    asyncio.run(_live_through(steps, tmp_path_factory.mktemp("house") / "data.sqlite"))


async def _live_through(steps: list[tuple[str, object, object]], path: Path) -> None:
    house = await House.open(path)
    owed: dict[tuple[ChatId, Lane], list[str]] = {}
    states: dict[int, str] = {}
    for number, (step, first, second) in enumerate(steps):
        text = f"{step} {number}"
        if step == "owe":
            assert isinstance(second, Lane)
            chat = ChatId(str(first))
            owed.setdefault((chat, second), []).append(text)
            await house.owe(text, chat, lane=second)
        elif step == "show":
            assert isinstance(first, int)
            states[first] = text
            await house.show(first, text, prepared=bool(second))
        elif step == "change":
            assert isinstance(first, int)
            states[first] = text if first in states else states.get(first, "")
            if states[first]:
                await house.change(first, text)
            else:
                del states[first]
        elif step == "fail":
            fault: Exception = {"slow": SlowDown(0.002), "bug": ValueError()}.get(str(second), NotReached())
            if second == "after":
                house.post.too_late.add(id(fault))
            house.post.fails(ChatId(str(first)), fault)
        elif step == "pause":
            assert isinstance(first, float)
            await asyncio.sleep(first)
        else:
            house = await house.restarted()
    for faults in house.post.faults.values():
        # Three bugs in a row would be given up, and that is another test.
        for index, fault_ in enumerate(faults):
            if isinstance(fault_, ValueError):
                faults[index] = None
    await house.quiet()
    for (chat, lane), texts in owed.items():
        arrived = [one for one in house.post.arrived if one.chat == chat and one.lane is lane and one.text in texts]
        assert list(dict.fromkeys(one.text for one in arrived)) == texts, "each, in order"
        assert len({(one.key, one.text) for one in arrived}) == len(texts), "one key for one message"
    assert await house.states() == ({"delivered": sum(map(len, owed.values()))} if owed else {})
    assert await house.cards_behind() == 0
    assert await house.words_left() == []
    shown = await house.database.read(lambda tx: tx.all("SELECT thing, message FROM cards ORDER BY id LIMIT 9"))
    assert {name: house.post.shown[GROUP, message] for name, message in shown} == {
        f"thing:{ref}": state for ref, state in states.items()
    }
    await house.close()


def test_the_network_of_these_tests_keeps_to_the_contract_of_networks() -> None:
    from bot.chat import Adapter

    post: Adapter = Post()
    assert post.network == "post"
    with contextlib.suppress(DeliveryProblem):
        raise MessageGone
