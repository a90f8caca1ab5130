"""A practice committee in one process: the real core and database, people at a terminal, a clock that can be moved."""

from __future__ import annotations

import contextlib
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, Self

from bot import linking
from bot.adapters.console import LIKENESSES, NETWORK, ConsoleAdapter, Likeness, NoSuchButton, NothingSaid
from bot.app import App
from bot.chat import Chat, network_of
from storage import connections, due, inbox, inspection, peers, people
from storage.database import Transaction, fresh_token
from storage.members import RECOUNT_AFTER

GROUP = "Riverside"
MATRIX = "matrix"
"""The second network. Everybody has another account there, and a group that is no committee yet."""
_SECOND = replace(LIKENESSES["matrix"], server="example.org")
ACCOUNT = "solibot"
"""The bot's own account, for other bots."""
ORGANIZERS = ("ana", "ben")
MEMBERS = ("chi", "eli")
OTHER = "Hillside"
"""The second committee, which comes to be when somebody of it is first named."""
OTHER_ORGANIZERS = ("dora", "emil")
OTHER_MEMBERS = ("gus", "hana")
OTHERS = (*OTHER_ORGANIZERS, *OTHER_MEMBERS)
ADMINISTRATORS = frozenset((*ORGANIZERS, *OTHER_ORGANIZERS))
"""Who manages a group on its network."""
FEDERATION = "f0" * 16
FEDERATION_NAME = "Northside"
"""What links the two committees."""
BEAT = "wire_beat"
"""The command by which a committee tells the others how far it knows what was said."""
AWAKE = timedelta(hours=1)
"""So long after something that matters was said to another committee nothing is left out where time is let pass."""
SCRIPT_START = datetime(2026, 1, 5, 18, 0, tzinfo=UTC)
"""When scripts begin, a Monday evening: the same script gives the same transcript on every day."""
DATABASE = "practice.sqlite"


class NotUnderstood(Exception):
    """A line of a script that means nothing. `number` counts from 1."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(why)
        self.number, self.why = number, why


class Moving(Protocol):
    """A clock that can be moved forward."""

    def __call__(self) -> datetime:
        """The time now."""

    def move(self, to: datetime) -> None:
        """It is this late now."""


class FixedClock:
    """Time that moves only when it is told to."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def __call__(self) -> datetime:
        """The time now."""
        return self._now

    def move(self, to: datetime) -> None:
        """It is this late now."""
        self._now = max(self._now, to)


class RunningClock:
    """The machine's clock, ahead by what was skipped."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        """The time now."""
        return datetime.now(UTC) + self._ahead

    def move(self, to: datetime) -> None:
        """It is this late now."""
        self._ahead += max(timedelta(), to - self())


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What of a practice stands in no file: whoever has it and a copy of the folder goes on as the practice would."""

    chance: tuple[Any, ...]
    """The state of the source of tokens."""
    networks: Mapping[str, Mapping[str, Any]]


class Practice:
    """Riverside: two organizers, two members, and you as any of them."""

    def __init__(
        self,
        app: App,
        console: ConsoleAdapter,
        clock: Moving,
        *,
        networks: Mapping[str, ConsoleAdapter],
        silent: list[bool],
        chance: random.Random,
    ) -> None:
        self.app = app
        self.console = console
        self.clock = clock
        self.group = console.group(GROUP)
        self.networks = networks
        """The terminal's networks: `console`, and the second one."""
        self._silent = silent
        self.apart = False
        """The second committee is not linked with the first when it comes to be."""
        self._chance = chance

    @classmethod
    async def open(
        cls,
        folder: Path,
        *,
        line: Callable[[str, str], None],
        clock: Moving,
        repeatable: bool,
        empty: bool = False,
        like: Likeness = LIKENESSES["telegram"],
        key: str | None = None,
        begun: Begun | None = None,
    ) -> Self:
        """Open or begin a practice folder. `like`: which network the group is on, to look at.

        `repeatable`: tokens come from a fixed seed. `empty`: nobody is there. `key`: the database is encrypted with it.
        `begun`: the folder is a copy of that of a practice that could be repeated, and goes on where that was shut.
        """
        source = random.Random(7)  # noqa: S311 - repeating exactly is what it is for
        seeded = False

        def token() -> str:
            return "".join(source.choices("abcdefghijklmnopqrstuvwxyz234567", k=16)) if seeded else fresh_token()

        alike = {NETWORK: like, MATRIX: _SECOND}
        app = await App.open(
            folder / DATABASE,
            key=key,
            popups={network: one.popup_characters_max for network, one in alike.items()},
            reaches={network for network, one in alike.items() if one.reaches},
            carriers={NETWORK: ACCOUNT},
            now=clock,
            token=token,
        )
        newest = await app.database.read(inbox.newest)
        # Not by the file: it is there too where the program was ended before anybody had said anything.
        used = newest is not None or bool(await app.database.read(inspection.committees))
        seeded = repeatable and (begun is not None or not used)
        if seeded and not used:
            await app.database.transact(lambda tx: connections.begin(tx, b"practice"))
        if newest is not None:
            clock.move(newest)
        silent = [True]

        def shown(where: str, what: str) -> None:
            if not silent[0]:
                line(where, what)

        console = ConsoleAdapter(app.dispatcher, now=clock, token=token, line=shown, like=like, carries=ACCOUNT)
        second = ConsoleAdapter(
            app.dispatcher,
            now=clock,
            token=token,
            line=shown,
            network=MATRIX,
            label=MATRIX.capitalize(),
            like=_SECOND,
        )
        for adapter in (console, second):
            app.add(adapter)
        await app.delivery.start()
        app.computing.start()
        networks = {NETWORK: console, MATRIX: second}
        practice = cls(app, console, clock, networks=networks, silent=silent, chance=source)
        if begun is not None:
            source.setstate(begun.chance)
            for network, adapter in networks.items():
                adapter.remember(begun.networks[network])
        elif not used and not empty:
            await practice._begin()
        for who in (*ORGANIZERS, *MEMBERS):
            console.somebody(who)
            second.somebody(who)
        await practice.settle()
        silent[0] = False
        return practice

    async def _begin(self) -> None:
        await self._found(self.group, ORGANIZERS, MEMBERS)

    async def _found(self, group: Chat, organizers: Sequence[str], members: Sequence[str]) -> None:
        """A committee in a group, with two organizers and some members."""
        founder, second = organizers
        await self.console.enter(group, *organizers, *members)
        await self.console.say(founder, "/setup", group, manages_chat=True)
        for who in (second, *members):
            await self.console.say(who, "/join", group)
        await self.console.say(founder, f"/organizer @{second}", group)
        for who in (*organizers, *members):
            # Everybody has pressed "start" once, so that the bot may write to them.
            await self.console.say(who, "/start", self.console.somebody(who).private)
            self.console.somebody(who).last_said.clear()
        await self.settle()
        # What changed in this moment is shown in it.
        await self.app.dispatcher.tick(self.clock() + RECOUNT_AFTER)
        await self.settle()
        pinned = self.console.pinned
        self.console.posted = {message: shown for message, shown in self.console.posted.items() if message in pinned}

    async def begin_other(self) -> Chat:
        """Let the second committee be there, without a word of how it came to be. Returns its group."""
        chat = self.console.group(OTHER)
        if not await self._is_committee(chat):
            with self._quietly():
                await self._found(chat, OTHER_ORGANIZERS, OTHER_MEMBERS)
        for who in OTHERS:
            self.console.somebody(who)
        return chat

    async def begin_linked(self) -> Chat:
        """Let the second committee be there, linked with the first unless they are `apart`. Returns its group."""
        there = await self._is_committee(self.console.group(OTHER))
        chat = await self.begin_other()
        if not there and not self.apart:
            await self.link()
        return chat

    async def keep_apart(self) -> None:
        """The second committee is not linked when it comes to be. Raises ValueError where it is there already."""
        if await self._is_committee(self.console.group(OTHER)):
            raise ValueError(f"{OTHER} is there already; say before it is named that it is not linked")
        self.apart = True

    async def cut_wire(self, cut: bool) -> None:
        """From now on what committees say to each other is lost, or is not lost any more."""
        self.console.cut = cut
        self.console.said_on_wire_at = self.clock()
        if not cut:
            await self.app.dispatcher.reconnected(NETWORK)
        await self.settle()

    async def _is_committee(self, chat: Chat) -> bool:
        place = await self.app.database.read(lambda tx: people.place_at(tx, chat.id))
        return place is not None and place.committee_id is not None

    async def link(self) -> None:
        """Link the two committees, as they are once people have compared the words and both have decided so."""
        now = self.clock()

        async def work(tx: Transaction) -> None:
            both = []
            for title in (GROUP, OTHER):
                place = await people.place_at(tx, self.console.group(title).id)
                assert place is not None
                assert place.committee_id is not None
                both.append(await people.committee(tx, place.committee_id))
            selves = [await linking.own(tx, one, now=now) for one in both]
            for one in both:
                wire = await linking.open_wire(tx, NETWORK, FEDERATION, FEDERATION_NAME)
                there = await peers.add_federation(
                    tx, one.id, FEDERATION, FEDERATION_NAME, place_id=wire, state="in", now=now
                )
                for other, mine in zip(both, selves, strict=True):
                    await peers.add_peer(
                        tx, there.id, mine.certificates[0], other.name, account=ACCOUNT, state="in", now=now
                    )
                beat = self.app.commands.named(BEAT).says(federation=there.id)
                await due.plan_after(tx, peers.beat_of(there.id), beat, now, since=now, committee=one.id)

        with self._quietly():
            await self.app.database.transact(work)
            await self.settle()

    @contextlib.contextmanager
    def _quietly(self) -> Iterator[None]:
        """Nothing of what happens is shown."""
        before, self._silent[0] = self._silent[0], True
        try:
            yield
        finally:
            self._silent[0] = before

    def begun(self) -> Begun:
        """With a copy of the folder once it is shut, all that it takes to go on from here, more than once."""
        memories = {network: adapter.memory() for network, adapter in self.networks.items()}
        return Begun(chance=self._chance.getstate(), networks=memories)

    async def close(self) -> None:
        """Shut the folder."""
        await self.app.computing.stop()
        await self.app.delivery.settle()
        await self.app.close()

    async def settle(self) -> None:
        """Let what is due at this moment be done, and everything that is owed be delivered."""
        await self.app.settle()
        while await self.console.hand_over():
            await self.app.settle()

    def console_of(self, chat: Chat) -> ConsoleAdapter:
        """The network that a chat is on."""
        return self.networks[network_of(chat.id)]

    async def say(self, who: str, text: str, chat: Chat | None = None, *, reply_to: str | None = None) -> None:
        """Somebody writes, in the group if no chat is named."""
        manages, chat = who in ADMINISTRATORS, chat or self.group
        await self.console_of(chat).say(who, text, chat, reply_to=reply_to, manages_chat=manages)
        await self.settle()

    async def press(self, who: str, label: str, *, within: Chat | None = None) -> None:
        """Somebody presses the newest button with this label that they can see. Raises NoSuchButton."""
        within = within or self.group
        await self.console_of(within).press(who, label, within=within, manages_chat=who in ADMINISTRATORS)
        await self.settle()

    async def skip(self, time: timedelta) -> None:
        """Let time pass, stopping wherever something falls due."""
        target = self.clock() + time
        awake = self.clock() + AWAKE
        while (
            following := await self.app.dispatcher.tick(self.clock(), after_each=self.app.delivery.settle)
        ) is not None and following <= target:
            await self.settle()
            awake = max(awake, self.console.said_on_wire_at + AWAKE)
            if following > awake and await self._leave_out(target):
                continue
            self.clock.move(following)
        await self.settle()
        self.clock.move(target)
        await self.app.dispatcher.tick(target, after_each=self.app.delivery.settle)
        await self.settle()

    async def _leave_out(self, target: datetime) -> bool:
        """Put off the beats that would only tell the same again, until something else happens.

        A committee tells its others some ten times an hour what it knows; nothing is learnt from most of it.
        A bot that has not listened itself calls nobody silent. False: what falls due next is no such beat.
        """

        async def work(tx: Transaction) -> bool:
            other = await due.next_but(tx, BEAT)
            until = target if other is None else min(other, target)
            return bool(await due.put_off(tx, BEAT, until=until))

        return await self.app.database.transact(work)


_NAME = r"[a-z][a-z0-9_]{0,31}"
_ON = rf"(?:\s*@(?P<network>{_NAME}))?"
_THERE = rf"(?:(?P<place>{_NAME})/)?"
_SAYS = re.compile(
    rf"{_THERE}(?P<who>{_NAME}){_ON}(?:\s*(?P<dm>\(dm\))|\s*>\s*(?P<other>{_NAME}))?\s*:\s?(?P<text>.*)", re.DOTALL
)
_COMES = re.compile(rf"{_THERE}(?P<who>{_NAME}){_ON} (?P<verb>joins|leaves)")
_SKIP = re.compile(r"skip (?P<time>.+)")
_APART = f"{OTHER.lower()} is not linked"
_CUT, _HEALED = "the wire is cut", "the wire is healed"
_BUTTON = re.compile(r"\[(?P<label>[^\]]+)\]")
_TIME = re.compile(r"(\d{1,4})\s*(w|d|h|m|min|s)", re.ASCII)
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "min": "minutes", "s": "seconds"}


def read_time(text: str) -> timedelta | None:
    """A stretch of time: `2d`, `1h 30m`, `1w`. None: it is none."""
    if not re.fullmatch(rf"(?:{_TIME.pattern}\s*)+", text.strip(), re.ASCII):
        return None
    return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in _TIME.findall(text)), start=timedelta())


async def run_script(practice: Practice, script: str) -> None:
    """Carry out a script, one step a line. Raises NotUnderstood at the first line that means nothing."""
    for number, raw in enumerate(script.splitlines(), start=1):
        line = raw.strip()
        if line and not line.startswith("#"):
            try:
                await step(practice, line)
            except NoSuchButton as error:
                raise NotUnderstood(number, f"nobody sees a button [{error}] there") from error
            except NothingSaid as error:
                raise NotUnderstood(number, f"{error} has not said anything there yet") from error
            except ValueError as error:
                raise NotUnderstood(number, str(error)) from error


async def step(practice: Practice, line: str) -> None:
    """Carry out one line of a script. Raises NoSuchButton, NothingSaid, or ValueError where it means nothing."""
    if found := _COMES.fullmatch(line):
        console = _network(practice, found["network"])
        move = console.arrive if found["verb"] == "joins" else console.depart
        await move(found["who"], console.group(await _group(practice, found["place"])))
        await practice.settle()
    elif found := _SKIP.fullmatch(line):
        time = read_time(found["time"])
        if time is None:
            raise ValueError(f"“{found['time']}” is not a stretch of time such as 2d or 1h 30m")
        await practice.skip(time)
    elif line == _APART:
        await practice.keep_apart()
    elif line in (_CUT, _HEALED):
        await practice.cut_wire(line == _CUT)
    elif found := _SAYS.fullmatch(line):
        who, text = found["who"], found["text"].strip()
        console = _network(practice, found["network"])
        group = console.group(await _group(practice, found["place"]))
        chat = console.somebody(who).private if found["dm"] else group
        if pressed := _BUTTON.fullmatch(text):
            await practice.press(who, pressed["label"], within=chat)
        elif not text:
            raise ValueError("nothing is said")
        else:
            # A line break inside a message is written as it is shown; commands are typed as on that network.
            await practice.say(who, console.local(text.replace(" / ", "\n")), chat, reply_to=found["other"])
    else:
        raise ValueError("this is no step: write “ana: hello”, “ana (dm): /balance”, “dan joins” or “skip 2d”")


def step_there(line: str) -> str | None:
    """The step of a script that says what somebody of a committee does: `hillside/dora: hello`; None: it is none."""
    who, colon, words = line.partition(":")
    found = _COMES.fullmatch(line.lower()) or _SAYS.fullmatch(written := f"{who.lower()}{colon}{words}")
    if found is None or found["place"] not in (GROUP.lower(), OTHER.lower()):
        return None
    return line.lower() if found.re is _COMES else written


async def _group(practice: Practice, place: str | None) -> str:
    """The title of the group of a committee."""
    if place is None or place == GROUP.lower():
        return GROUP
    if place != OTHER.lower():
        raise ValueError(f"there is no committee “{place}”; write “{OTHER.lower()}/{OTHER_ORGANIZERS[0]}: hello”")
    await practice.begin_linked()
    return OTHER


def _network(practice: Practice, name: str | None) -> ConsoleAdapter:
    if name is not None and name != MATRIX:
        raise ValueError(f"there is no second network “{name}”; write “ana @{MATRIX}: hello”")
    return practice.networks[name or NETWORK]
