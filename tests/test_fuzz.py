"""Whatever is typed or pressed, by whoever: no internal error, no effect by a stranger, no hour lost."""

from __future__ import annotations

import asyncio
import atexit
import itertools
import logging
import shutil
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.app import commands
from bot.arguments import words_of
from bot.chat import (
    Arrival,
    BotAdded,
    BotRemoved,
    Chat,
    ChatId,
    Departure,
    Incoming,
    Mention,
    Message,
    Press,
    Saying,
    Sender,
    ServiceMessage,
    Unreadable,
    UserId,
)
from bot.practice import SCRIPT_START, FixedClock, Practice
from bot.text import Refusal, duration
from storage import entries, people, transfers
from storage.database import Reader, Transaction
from tests.conftest import two_decide

R = TypeVar("R")

ALL = commands()
NAMES = sorted(ALL._commands)
GROUP = Chat(id=ChatId("console:group:Riverside"), private=False, title="Riverside")
NOWHERE = Chat(id=ChatId("console:group:Nowhere"), private=False, title="Nowhere")
"""No committee is ever set up here."""
ELSEWHERE = Chat(id=ChatId("console:group:Elsewhere"), private=False, title="Elsewhere")


class World:
    """A practice committee and the loop it lives in, shared by the examples of one test: opening one takes long."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runner = asyncio.Runner()
        self.events = itertools.count()
        self.clock = FixedClock(SCRIPT_START)
        self.practice = self.run(Practice.open(folder, line=lambda *_: None, clock=self.clock, repeatable=True))
        self.run(two_decide(self.practice.app.database))

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        """Let the loop run until this is done."""
        return self.runner.run(asyncio.wait_for(work, 60))

    def close(self) -> None:
        """Shut it."""
        self.run(self.practice.close())
        self.runner.close()

    @property
    def incidents(self) -> int:
        """Faults of the program so far."""
        return self.practice.app.dispatcher.incidents

    async def hear(self, *incoming: Incoming) -> None:
        """These happen, and everything that follows from them is delivered."""
        for one in incoming:
            await self.practice.app.dispatcher.handle(one)
        await self.practice.settle()

    def gather(self) -> None:
        """Whoever has left in an earlier example is a member again, so that there is something to lose."""
        for who in MEMBERS:
            event = str(next(self.events))
            join = Message(event=event, at=self.clock(), chat=GROUP, sender=sender(who), text="/join", message="1")
            self.run(self.practice.app.dispatcher.handle(join))
        self.run(self.practice.settle())

    def ask(self, question: Callable[[Reader], Coroutine[Any, Any, R]]) -> R:
        """What the database says."""
        return self.run(self.practice.app.database.read(question))

    def books_are_sound(self) -> None:
        """Hours sum to zero, balances are the fold of the postings, and the chain is whole."""

        async def look(tx: Reader) -> None:
            for (committee,) in await tx.all("SELECT id FROM committees LIMIT 100"):
                assert await transfers.total(tx, committee) == 0
                assert await entries.first_broken(tx, await people.committee(tx, committee)) is None
            assert await transfers.unbalanced(tx) == []

        self.ask(look)

    def everything_that_counts(self) -> list[list[Any]]:
        """All that a stranger may not change."""

        async def look(tx: Reader) -> list[list[Any]]:
            tables = (
                "committees",
                "members",
                "roles",
                "accounts",
                "entries",
                "transfers",
                "postings",
                "notes",
                "proposals",
                "consents",
                "due",
            )
            return [await tx.all(f"SELECT * FROM {table} LIMIT 100000") for table in tables]

        return self.ask(look)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[World]:
    """Riverside, in which nothing has happened yet."""
    found = World(tmp_path)
    yield found
    found.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Riverside."""
    found = World(tmp_path_factory.mktemp("world"))
    yield found
    found.close()


# --- what people may write ---------------------------------------------------------------------------------------

MEMBERS = ("ana", "ben", "chi", "eli")
NEWCOMERS = ("guest", "newcomer")
"""They come and go, and may become members on the way."""
STRANGERS = ("stranger", "visitor")
"""They never join."""


def sender(who: str, **changes: Any) -> Sender:
    """Somebody as the network tells of them."""
    return Sender(**{"user": UserId(f"console:{who}"), "name": who.title(), "username": who, **changes})


def private_chat(who: str) -> Chat:
    """Somebody's private chat with the bot."""
    return Chat(id=ChatId(f"console:dm:{who}"), private=True)


names = st.sampled_from(NAMES) | st.sampled_from(["thnak", "Thank", "tank", "", "x" * 64, "1", "thank@other_bot"])
pieces = st.one_of(
    st.sampled_from(["@ben", "@chi", "ben", "Eli", "ana", "@nobody", "@", "“Chi", "Ben”", '"ben"', "@ben,", "BEN"]),
    st.sampled_from(
        ["1h30", "90m", "1,5 h", "1:30", "2h", "1 h 30 min", "0h", "-1h", "99h", "7", "1.333h", "½ h", "m"]
    ),
    st.sampled_from(["no. 1", "#2", "nr 3", "n.º 4", "12", "0", "999999999999999", "1.", "#", "no."]),
    st.sampled_from(
        ["off", "es", "Deutsch", "Europe/Madrid", "buenos aires", "Madrid", "UTC", "12h", "thank", "/thank"]
    ),
    st.text(max_size=12),
    st.text(alphabet='"“”„\n\t ,.;:@#/\u00a0\u2028\u200f\u0000½\U0001f6b2́', max_size=6),
)
spaces = st.sampled_from([" ", " ", " ", "  ", "\n", "\t", "\u00a0", ""])
command_lines = st.builds(
    lambda name, words, spaces: f"/{name}" + "".join(space + word for space, word in zip(spaces, words, strict=False)),
    names,
    st.lists(pieces, max_size=6),
    st.lists(spaces, min_size=6, max_size=6),
)
lines = (
    command_lines | st.text(max_size=80) | pieces | st.text(min_size=600, max_size=700).map("/thank @ben 1h ".__add__)
)
users = st.sampled_from([*MEMBERS, *NEWCOMERS, "nobody"])
mentions = st.lists(
    st.builds(
        lambda start, length, who: Mention(start=start, end=start + length, person=sender(who)),
        st.integers(-3, 40),
        st.integers(-3, 30),
        users,
    ),
    max_size=3,
).map(tuple)
wild_names = st.text(max_size=20).map(lambda name: {"name": name})
traits = st.one_of(
    st.just({}),
    st.just({}),
    wild_names,
    st.fixed_dictionaries({"language": st.none() | st.sampled_from(["es", "de-AT", "xx", ""]) | st.text(max_size=8)}),
    st.just({"anonymous": True}),
    st.just({"bot": True}),
    st.just({"username": None}),
)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC)) | st.just(SCRIPT_START)


@st.composite
def messages(draw: st.DrawFn, who: st.SearchStrategy[str], *, manages: bool) -> Message:
    """Something that somebody writes somewhere. Its event key is put in when it is said."""
    username = draw(who)
    text = draw(lines)
    return Message(
        event="",
        at=draw(instants),
        chat=draw(st.sampled_from([GROUP, GROUP, private_chat(username), ELSEWHERE])),
        sender=sender(username, **draw(traits)),
        text=text,
        message=draw(st.text(max_size=5)),
        addressed=draw(st.booleans()),
        reply_to=draw(st.none() | users.map(sender)),
        mentions=draw(mentions),
        manages_chat=draw(st.sampled_from([None, False, True])) if manages else draw(st.sampled_from([None, False])),
    )


tokens = st.text(max_size=20) | st.sampled_from([f"~{name}" for name in [*NAMES, "nothing", ""]])


@st.composite
def presses(draw: st.DrawFn, who: st.SearchStrategy[str], *, manages: bool) -> tuple[Press, int]:
    """Somebody presses a button: one with a wild token or, by the second number, one of those that were shown."""
    username = draw(who)
    press = Press(
        event="",
        at=draw(instants),
        chat=draw(st.sampled_from([GROUP, private_chat(username), ELSEWHERE])),
        sender=sender(username, **draw(traits)),
        token=draw(tokens),
        message=draw(st.none() | st.text(max_size=5)),
        manages_chat=draw(st.sampled_from([None, False, True])) if manages else draw(st.sampled_from([None, False])),
    )
    return press, draw(st.integers(-10, 30))


def said(world: World, what: Message | tuple[Press, int]) -> Message | Press:
    """The event as it happens now in this world."""
    event = str(next(world.events))
    if isinstance(what, Message):
        return replace(what, event=event)
    press, newest = what
    shown = [key.token for posted in world.practice.console.posted.values() for row in posted.keys for key in row]
    token = shown[-newest % len(shown)] if newest >= 0 and shown else press.token
    return replace(press, event=event, token=token)


# --- words of a line ---


@given(line=lines, mentions=mentions, start=st.integers(0, 12))
def test_the_words_of_a_line_are_all_there_in_order_and_none_twice(
    line: str, mentions: tuple[Mention, ...], start: int
) -> None:
    found = words_of(line, mentions, start)
    at = start
    for word in found:
        assert start <= at <= word.start < word.end
        assert not line[at : word.start].strip(), "nothing is passed over"
        assert word.mention is None or line[word.start : word.end] == word.text
        at = word.end
    assert not line[at:].strip()


# --- nobody can break it -----------------------------------------------------------------------------------------


@given(
    happens=st.lists(
        messages(st.sampled_from([*MEMBERS, *NEWCOMERS]), manages=True)
        | presses(st.sampled_from([*MEMBERS, *NEWCOMERS]), manages=True),
        min_size=1,
        max_size=6,
    )
)
def test_nothing_that_anybody_writes_or_presses_is_an_internal_error(
    world: World, happens: list[Message | tuple[Press, int]]
) -> None:
    world.gather()
    before = world.incidents
    for one in happens:
        now = said(world, one)
        world.run(world.hear(now))
        assert world.incidents == before, now
    world.books_are_sound()


@given(
    happens=st.lists(
        messages(st.sampled_from(STRANGERS), manages=False) | presses(st.sampled_from(STRANGERS), manages=False),
        min_size=1,
        max_size=6,
    )
)
def test_nothing_that_a_stranger_writes_or_presses_has_an_effect(
    world: World, happens: list[Message | tuple[Press, int]]
) -> None:
    world.gather()
    here = [said(world, one) for one in happens]
    # Whoever is in the group may join: that is the one thing they can do there, and then they are no stranger.
    here = [one for one in here if not joins(one)]
    before, incidents = world.everything_that_counts(), world.incidents
    world.run(world.hear(*here))
    assert world.everything_that_counts() == before
    assert world.incidents == incidents


def joins(one: Message | Press) -> bool:
    """Whether this is somebody joining the committee."""
    if isinstance(one, Press):
        return one.token == "~join"
    line = ALL.line(one.text, one.mentions)
    return line is not None and line.name == "join"


@given(
    username=st.sampled_from(MEMBERS),
    forged=st.sampled_from([{"anonymous": True}, {"bot": True}]),
    text=command_lines,
    chat=st.sampled_from([GROUP, ELSEWHERE]),
)
@example(username="ana", forged={"anonymous": True}, text="/join", chat=GROUP)
@example(username="ana", forged={"anonymous": True}, text="/leave", chat=GROUP)
@example(username="ana", forged={"anonymous": True}, text="/thank @ben 1h", chat=GROUP)
@example(username="ana", forged={"anonymous": True}, text="/setup", chat=NOWHERE)
@example(username="ana", forged={"bot": True}, text="/thank @ben 1h", chat=GROUP)
@example(username="ana", forged={"bot": True}, text="/setup", chat=NOWHERE)
def test_nobody_acts_through_a_channel_or_another_bot(
    world: World, username: str, forged: dict[str, bool], text: str, chat: Chat
) -> None:
    world.gather()
    before, incidents = world.everything_that_counts(), world.incidents
    event = str(next(world.events))
    who = sender(username, **forged)
    now = world.clock()
    world.run(
        world.hear(Message(event=event, at=now, chat=chat, sender=who, text=text, message="1", manages_chat=True))
    )
    assert world.everything_that_counts() == before
    assert world.incidents == incidents


@given(
    text=command_lines,
    username=st.sampled_from(MEMBERS),
    again=st.integers(1, 3),
)
def test_an_event_that_is_told_again_is_done_once(world: World, text: str, username: str, again: int) -> None:
    world.gather()
    message = Message(
        event=str(next(world.events)), at=world.clock(), chat=GROUP, sender=sender(username), text=text, message="1"
    )
    world.run(world.hear(message))
    after = world.everything_that_counts()
    posted = len(world.practice.console.posted)
    world.run(world.hear(*[message] * again))
    assert world.everything_that_counts() == after
    assert len(world.practice.console.posted) == posted, "nor is it answered again"


groups = st.sampled_from([GROUP, ELSEWHERE])
dms = users.map(private_chat)
whens = st.just(SCRIPT_START)
no_key = st.just("")
events = st.one_of(
    st.builds(Arrival, event=no_key, at=whens, chat=groups | dms, person=users.map(sender)),
    st.builds(Departure, event=no_key, at=whens, chat=dms, person=users.map(sender)),
    st.builds(BotAdded, event=no_key, at=whens, chat=groups),
    st.builds(BotRemoved, event=no_key, at=whens, chat=groups),
    st.builds(ServiceMessage, event=no_key, at=whens, chat=groups | dms, message=st.sampled_from(["1", "2"])),
    st.builds(Unreadable, event=no_key, at=whens, chat=groups),
)


@given(happens=st.lists(events | messages(st.sampled_from(MEMBERS), manages=True), min_size=1, max_size=8))
def test_comings_and_goings_are_no_internal_errors(world: World, happens: list[Incoming]) -> None:
    before = world.incidents
    for one in happens:
        now = replace(one, event=str(next(world.events)))
        world.run(world.hear(now))
        assert world.incidents == before, now
    world.books_are_sound()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)


@st.composite
def sayings(draw: st.DrawFn) -> Saying:
    """A command as a button could carry it, with its own arguments or others, and anything in them."""
    command = draw(st.sampled_from([*NAMES, "gone_since"]))
    own = [parameter.name for parameter in ALL._commands[command].parameters] if command in NAMES else []
    keys = st.sampled_from([*own, *own, *own, "who", "number"])
    values = json_values | st.sampled_from(["Europe", "Europe/Madrid", "Nowhere/None", "../UTC", "es", "off", 1, 90])
    arguments = draw(st.dictionaries(keys, values, max_size=len(own) + 1))
    return Saying(command=command, version=draw(st.sampled_from([1, 1, 1, 0, 2])), arguments=arguments)


@given(says=sayings())
def test_whatever_a_button_carries_is_said_or_refused(world: World, says: Saying) -> None:
    async def load(tx: Transaction) -> bool:
        try:
            loaded, values = await ALL.load(says, tx, await people.committee(tx, 1))
        except Refusal:
            return False
        assert loaded.name == says.command
        # What was loaded can be kept again, and is then the same.
        assert loaded.says(**values).arguments.keys() == says.arguments.keys()
        return True

    world.run(world.practice.app.database.transact(load))


def test_a_second_person_named_is_not_passed_over(fresh: World) -> None:
    # Both are named by account, as in networks where people have no usernames.
    text = "/thank Benny Chichi 1h"
    named = (Mention(start=7, end=12, person=sender("ben")), Mention(start=13, end=19, person=sender("chi")))
    fresh.run(
        fresh.hear(
            Message(
                event=str(next(fresh.events)),
                at=fresh.clock(),
                chat=GROUP,
                sender=sender("ana"),
                text=text,
                message="1",
                mentions=named,
            )
        )
    )

    async def balances(tx: Reader) -> list[int]:
        return [row[0] for row in await tx.all("SELECT balance FROM accounts WHERE balance <> 0 ORDER BY balance")]

    assert fresh.run(fresh.practice.app.database.read(balances)) == [-120, 60, 60], "both are meant"


@pytest.mark.parametrize("where", ["text", "name", "title"])
def test_half_a_character_is_no_internal_error(fresh: World, where: str) -> None:
    half = "\ud83d"
    now = Message(
        event=str(next(fresh.events)),
        at=fresh.clock(),
        chat=Chat(id=GROUP.id, private=False, title=half) if where == "title" else GROUP,
        sender=sender("ana", **({"name": half} if where == "name" else {})),
        text=f"/thank @ben 1h {half if where == 'text' else ''}",
        message="1",
    )
    before = fresh.incidents
    logging.disable(logging.CRITICAL)
    try:
        fresh.run(fresh.hear(now))
    finally:
        logging.disable(logging.NOTSET)
    assert fresh.incidents == before


# --- the books against a model -----------------------------------------------------------------------------------


@dataclass
class Thanks:
    """A transfer as the model knows it."""

    number: int
    giver: str
    receiver: str
    minutes: int
    by: str
    at: datetime
    undo: bool = False
    undone: bool = False


@dataclass
class Proposed:
    """A proposal as the model knows it."""

    number: int
    what: tuple[str, str | int | None]
    who: str
    by: str
    until: datetime
    consents: set[str] = field(default_factory=set)
    state: str = "open"


@dataclass
class Model:
    """What should be true, said once more as simply as possible."""

    now: datetime = SCRIPT_START
    members: set[str] = field(default_factory=lambda: set(MEMBERS))
    organizers: set[str] = field(default_factory=lambda: {"ana", "ben"})
    founder: str | None = "ana"
    floor: int | None = -720
    balances: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MEMBERS, 0))
    thanks: list[Thanks] = field(default_factory=list)
    proposals: list[Proposed] = field(default_factory=list)

    def record(self, giver: str, receiver: str, minutes: int, by: str, *, undo: bool = False) -> None:
        """Hours go from one to the other."""
        self.balances[giver] -= minutes
        self.balances[receiver] += minutes
        self.thanks.append(Thanks(len(self.thanks) + 1, giver, receiver, minutes, by, self.now, undo))

    def thank(self, giver: str, receiver: str, minutes: int) -> None:
        """Somebody thanks somebody."""
        if giver == receiver or not {giver, receiver} <= self.members:
            return
        if self.floor is None or self.balances[giver] - minutes >= self.floor:
            self.record(giver, receiver, minutes, giver)

    def undo(self, by: str, number: int | None) -> None:
        """Somebody takes back what they recorded last, or an entry by its number."""
        mine = [one for one in self.thanks if one.by == by and not one.undo]
        wanted = mine[-1:] if number is None else self.thanks[number - 1 : number] if number else []
        if by not in self.members or not wanted:
            return
        [one] = wanted
        in_time = one.by == by and self.now - one.at <= timedelta(minutes=10)
        # Whoever has gained by it may give it back at any time: nobody else loses.
        if (in_time or one.receiver == by) and not one.undo and not one.undone:
            one.undone = True
            self.record(one.receiver, one.giver, one.minutes, by, undo=True)

    def leave(self, who: str) -> None:
        """Somebody leaves, and every role with it ends."""
        self.members.discard(who)
        self.organizers.discard(who)
        self.founder = None if self.founder == who else self.founder

    def step_down(self, who: str) -> None:
        """An organizer stops."""
        if who in self.organizers:
            self.organizers.discard(who)
            self.founder = None if self.founder == who else self.founder

    def rule(self, *, appoints: bool) -> str | None:
        """Whose consent it takes now."""
        if len(self.organizers) >= 2:
            return "organizers"
        if not appoints:
            return None
        return "founder" if self.founder in self.organizers else "members"

    def entitled(self, who: str) -> set[str]:
        """Whose consent counts."""
        if who == "founder":
            return {self.founder} & self.members if self.founder else set()
        return set(self.organizers if who == "organizers" else self.members)

    def enough(self, who: str, consents: set[str]) -> bool:
        """Whether they carry it."""
        most = {"organizers": 2, "founder": 1, "members": len(self.members) // 2 + 1}[who]
        return len(consents & self.entitled(who)) >= most

    def possible(self, what: tuple[str, str | int | None]) -> bool:
        """Whether it could be done now."""
        kind, value = what
        if kind == "organizer":
            return value in self.members and value not in self.organizers
        return self.floor != value

    def do(self, what: tuple[str, str | int | None]) -> None:
        """What was decided."""
        kind, value = what
        if kind == "organizer":
            assert isinstance(value, str)
            self.organizers.add(value)
        else:
            assert not isinstance(value, str)
            self.floor = value

    def propose(self, by: str, what: tuple[str, str | int | None]) -> None:
        """Somebody says what needs the others."""
        who = self.rule(appoints=what[0] == "organizer")
        if by not in self.members or who is None or not self.possible(what):
            return
        same = [one for one in self.proposals if one.state == "open" and one.what == what]
        if same:
            self.agree(by, same[0].number)
            return
        if self.enough(who, {by}):
            self.do(what)
        else:
            within = timedelta(hours=24) if who == "members" else timedelta(days=7)
            consents = {by} & self.entitled(who)
            self.proposals.append(Proposed(len(self.proposals) + 1, what, who, by, self.now + within, consents))

    def agree(self, by: str, number: int) -> None:
        """Somebody agrees."""
        if by not in self.members or not 1 <= number <= len(self.proposals):
            return
        one = self.proposals[number - 1]
        who = self.rule(appoints=one.what[0] == "organizer")
        if one.state != "open" or who is None or by not in self.entitled(who):
            return
        if by in one.consents and not self.enough(who, one.consents):
            return
        if one.who != who:
            # Other people have to agree to it now; who has agreed is kept.
            within = timedelta(hours=24) if who == "members" else timedelta(days=7)
            one.who, one.until = who, max(one.until, self.now + within)
        one.consents.add(by)
        if self.enough(one.who, one.consents):
            one.state = "passed" if self.possible(one.what) else "failed"
            if one.state == "passed":
                self.do(one.what)

    def withdraw(self, by: str, number: int) -> None:
        """The proposer changes their mind."""
        if by in self.members and 1 <= number <= len(self.proposals):
            one = self.proposals[number - 1]
            if one.state == "open" and one.by == by:
                one.state = "withdrawn"

    def wait(self, time: timedelta) -> None:
        """Time passes."""
        self.now += time
        for one in self.proposals:
            while one.state == "open" and one.until <= self.now:
                if self.rule(appoints=one.what[0] == "organizer") is None:
                    # Nobody could agree: it waits.
                    one.until += timedelta(days=7)
                else:
                    one.state = "lapsed"


everybody = st.sampled_from([*MEMBERS, "dan", "fay"])
minutes_given = st.integers(1, 400) | st.sampled_from([60, 90, 720, 721])


class Committee(RuleBasedStateMachine):
    """Members do what members do, in any order; the committee and the model agree after every step."""

    template: Path | None = None

    @initialize()
    def begin(self) -> None:
        """A committee of four, copied from one that was made once."""
        if Committee.template is None:
            made = World(Path(mkdtemp(prefix="solibot-test-")))
            made.run(made.hear())
            made.close()
            Committee.template = made.folder
            atexit.register(shutil.rmtree, made.folder, ignore_errors=True)
        self.folder = Path(mkdtemp(prefix="solibot-test-"))
        shutil.copytree(Committee.template, self.folder, dirs_exist_ok=True)
        self.world = World(self.folder)
        self.model = Model()
        self.last: Message | None = None
        self.restarted = False

    def teardown(self) -> None:
        """Shut and remove it."""
        if hasattr(self, "world"):
            self.world.books_are_sound()
            self.world.close()
            shutil.rmtree(self.folder)

    def says(self, who: str, text: str, **how: Any) -> list[str]:
        """Somebody writes in the group, or where `chat` says. What the bot then posts, with pop-ups left out."""
        console = self.world.practice.console
        before = set(console.posted)
        message = Message(
            **{
                "event": f"step-{next(self.world.events)}",
                "at": self.world.clock(),
                "chat": GROUP,
                "sender": sender(who),
                "text": text,
                "message": f"m{next(self.world.events)}",
                **how,
            }
        )
        self.last = message
        self.world.run(self.world.hear(message))
        return [posted.text for id_, posted in console.posted.items() if id_ not in before]

    # --- what happens ----------------------------------------------------------------------------------------

    @rule(
        giver=everybody, receiver=everybody, minutes=minutes_given, how=st.sampled_from(["at", "name", "pill", "reply"])
    )
    def thank(self, giver: str, receiver: str, minutes: int, how: str) -> None:
        """Somebody thanks somebody, named in one of the ways in which people are named."""
        time = duration(minutes)
        match how:
            case "at":
                self.says(giver, f"/thank @{receiver} {time}")
            case "name":
                self.says(giver, f"/thank {receiver.upper()} {time} for the soup")
            case "pill":
                self.says(
                    giver,
                    f"/thank My Friend {time}",
                    mentions=(Mention(start=7, end=16, person=sender(receiver)),),
                )
            case _:
                self.says(giver, f"/thank {time}", reply_to=sender(receiver))
        self.model.thank(giver, receiver, minutes)

    @rule(who=everybody, back=st.none() | st.integers(0, 4))
    def undo(self, who: str, back: int | None) -> None:
        """Somebody takes something back, typing."""
        number = None if back is None else max(1, len(self.model.thanks) - back)
        self.says(who, "/undo" if number is None else f"/undo {number}")
        self.model.undo(who, number)

    @precondition(lambda self: self.model.thanks)
    @rule(back=st.integers(0, 3), named=st.booleans(), late=st.sampled_from([timedelta(), timedelta(minutes=10)]))
    def undo_own(self, back: int, named: bool, late: timedelta) -> None:
        """Somebody takes back something that they recorded themselves, perhaps at the last moment."""
        one = self.model.thanks[max(0, len(self.model.thanks) - 1 - back)]
        if late:
            self.wait(late)
        self.undo(one.by, back if named else None)

    @precondition(lambda self: self.model.thanks)
    @rule(who=everybody, back=st.integers(0, 4))
    def press_undo(self, who: str, back: int) -> None:
        """Somebody presses Undo on one of the newest cards that still have the button."""
        shown = [
            key
            for posted in self.world.practice.console.posted.values()
            if posted.chat == GROUP.id
            for row in posted.keys
            for key in row
            if key.label == "Undo"
        ]
        left = [one for one in self.model.thanks if not one.undo and not one.undone]
        assume(shown)
        back = min(back, len(shown) - 1)
        token = shown[-1 - back].token
        assert self.restarted or len(shown) == len(left), "a card has the button as long as it can be of use"
        console = self.world.practice.console
        card = next(
            posted for posted in console.posted.values() if any(k.token == token for r in posted.keys for k in r)
        )
        number = int(card.text.rpartition("No. ")[2].rstrip(")"))
        event = f"step-{next(self.world.events)}"
        now = self.world.clock()
        self.world.run(
            self.world.hear(Press(event=event, at=now, chat=GROUP, sender=sender(who), token=token, message=None))
        )
        self.model.undo(who, number)

    @rule(who=everybody)
    def join(self, who: str) -> None:
        """Somebody joins, perhaps again."""
        self.says(who, "/join")
        self.model.members.add(who)
        self.model.balances.setdefault(who, 0)

    @rule(who=everybody, how=st.sampled_from(["typed", "gone"]))
    def leave(self, who: str, how: str) -> None:
        """Somebody leaves the committee, or the group and with it the committee."""
        if how == "typed":
            self.says(who, "/leave")
        else:
            event = f"step-{next(self.world.events)}"
            gone = Departure(event=event, at=self.world.clock(), chat=GROUP, person=sender(who))
            self.world.run(self.world.hear(gone))
        self.model.leave(who)

    @rule(who=everybody)
    def step_down(self, who: str) -> None:
        """An organizer has had enough."""
        self.says(who, "/stepdown")
        self.model.step_down(who)

    @rule(by=everybody, whom=everybody)
    def organizer(self, by: str, whom: str) -> None:
        """Somebody proposes an organizer, or appoints one where they may."""
        self.says(by, f"/organizer @{whom}")
        if whom in self.model.members:
            self.model.propose(by, ("organizer", whom))

    @rule(by=everybody, hours=st.none() | st.integers(1, 20))
    def limit(self, by: str, hours: int | None) -> None:
        """Somebody proposes another lowest balance."""
        self.says(by, "/limit off" if hours is None else f"/limit {hours}h")
        self.model.propose(by, ("limit", None if hours is None else -hours * 60))

    @rule(by=everybody, back=st.integers(0, 2), withdraw=st.booleans())
    def answer(self, by: str, back: int, withdraw: bool) -> None:
        """Somebody agrees to a proposal, or takes one back."""
        number = max(1, len(self.model.proposals) - back)
        self.says(by, f"/withdraw {number}" if withdraw else f"/agree {number}")
        (self.model.withdraw if withdraw else self.model.agree)(by, number)

    @rule(time=st.sampled_from([timedelta(minutes=4), timedelta(minutes=11), timedelta(hours=25), timedelta(days=8)]))
    def wait(self, time: timedelta) -> None:
        """Time passes, and what falls due happens."""
        self.world.run(self.world.practice.skip(time))
        self.model.wait(time)

    @rule()
    def again(self) -> None:
        """The network tells the last message once more, as networks do for a day."""
        if self.last is not None and self.world.clock() - self.last.at <= timedelta(hours=24):
            self.world.run(self.world.hear(self.last))

    @rule()
    def restart(self) -> None:
        """The program ends and begins again."""
        self.world.close()
        events = self.world.events
        self.world = World(self.folder)
        # The terminal's network forgets what it has shown.
        self.restarted = True
        self.world.clock.move(self.model.now)
        self.world.events = events

    @rule(who=everybody)
    def balance(self, who: str) -> None:
        """Somebody asks what they have."""
        [answer] = self.says(who, "/balance", chat=private_chat(who))
        if who in self.model.members:
            assert answer.splitlines()[0] == f"You have {duration(self.model.balances[who])}."
        else:
            assert "You have" not in answer

    # --- what must be true -----------------------------------------------------------------------------------

    @invariant()
    def the_committee_is_as_the_model_says(self) -> None:
        """Balances, members, organizers, the limit, the entries and the proposals."""
        if not hasattr(self, "world"):
            return

        async def look(tx: Reader) -> dict[str, Any]:
            balances = await tx.all(
                """SELECT i.username, a.balance, m.active FROM accounts a JOIN members m ON m.id = a.member_id
                   JOIN identities i ON i.person_id = m.person_id LIMIT 100"""
            )
            committee = await people.committee(tx, 1)
            return {
                "balances": {name: balance for name, balance, _ in balances},
                "members": {name for name, _, active in balances if active},
                "organizers": {member.name.lower() for member in await people.organizers(tx, 1)},
                "floor": committee.floor,
                "transfers": await tx.value("SELECT count(*) FROM transfers"),
                "sum": await tx.value("SELECT sum(balance) FROM accounts"),
                "proposals": [
                    state for (state,) in await tx.all("SELECT state FROM proposals ORDER BY number LIMIT 99")
                ],
            }

        assert self.world.ask(look) == {
            "balances": self.model.balances,
            "members": self.model.members,
            "organizers": self.model.organizers,
            "floor": self.model.floor,
            "transfers": len(self.model.thanks),
            "sum": 0,
            "proposals": [one.state for one in self.model.proposals],
        }
        assert self.world.incidents == 0


TestCommittee = Committee.TestCase
# A committee costs more than a line: half as many, each with fewer steps than hypothesis would take.
TestCommittee.settings = settings(
    max_examples=max(10, settings().max_examples // 3),
    stateful_step_count=settings().stateful_step_count * 3 // 5,
)
