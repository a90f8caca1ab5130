"""Bursts of commands in encrypted rooms, one committee each; what the bot did and said is counted from outside."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import aiohttp

from tests.servers.bursts import (
    AWAY_SECONDS,
    Bursts,
    Tally,
    effects,
    not_named,
    numbers,
    owed,
    reading,
    reminded,
    reminders_waiting,
    tally,
)
from tests.servers.killed_at import Moment
from tests.servers.matrix_members import EncryptedMember, Json, Member, Refused, relation
from tests.servers.running import on_matrix
from tests.servers.synapse import Homeserver

SETTING_UP_SECONDS = 30.0
READ_SECONDS_MAX = 10.0
LISTENERS = 2
"""So many of the people listen to what is said; the others only speak."""
OWED_KEY = "org.solibot.key"


@dataclass
class Found:
    """What is in the books and in the rooms."""

    tally: Tally
    asked_again: int
    """Commands whose sender was asked to say them once more."""
    wrong: int
    """Replies that do not tell of the transfer that the command became."""
    out_of_order: int
    """Commands that were done, or answered, before an earlier one of the same person."""
    unread: int
    """Messages of the bot that a member could not read."""
    repeated: int
    """Messages that the bot owed once and that a room has more than once."""
    unmarked: int
    """Messages in the rooms of which the bot does not know that they are there, and the other way round."""
    second_rooms: int
    """Private rooms that the bot opened with somebody who had one already."""
    reminders_lost: int
    reminders_doubled: int

    @property
    def faults(self) -> int:
        """Nothing of this may be."""
        found = self.tally
        return (
            found.lost
            + found.doubled
            + found.replies_missing
            + found.replies_doubled
            + self.asked_again
            + self.wrong
            + self.out_of_order
            + self.unread
            + self.repeated
            + self.unmarked
            + self.second_rooms
            + self.reminders_lost
            + self.reminders_doubled
        )

    def line(self) -> str:
        """One line for people."""
        return (
            f"{self.tally.line('Solibot')}  asked again {self.asked_again}  wrong {self.wrong}  "
            f"out of order {self.out_of_order}  unread {self.unread}  repeated {self.repeated}  "
            f"unmarked {self.unmarked}  second rooms {self.second_rooms}  "
            f"reminders lost {self.reminders_lost}  reminders twice {self.reminders_doubled}"
        )


class MatrixBursts(Bursts):
    """A committee in each of some encrypted rooms, with the same people, who speak now here, now there."""

    def __init__(self, server: Homeserver, folder: Path, *, seed: int) -> None:
        super().__init__(seed=seed)
        self.server = server
        self.folder = folder
        self.people: list[EncryptedMember] = []
        self.rooms: list[str] = []
        self.by: dict[str, list[int]] = defaultdict(list)
        """Each person's commands, in order."""
        self.commands: dict[str, int] = {}
        """Which number each event is."""
        self.where: dict[int, str] = {}
        """The room of each command."""
        self._stored: object = None
        """How far the bot had read when it was last started."""
        self._begun_before = 0

    async def set_up(
        self, *, versions: Sequence[str] = ("11", "12"), people: int = 2, dies_at: Sequence[Moment] = ()
    ) -> None:
        """Found the committees in rooms of these versions; the first two people become organizers.

        `dies_at`: the moments at which the bot's first lives end.
        """
        account = await self.server.register(f"bot-{secrets.token_hex(3)}", display="Solibot")
        await self.server.log_out_device(account.user, account.device)
        self.user = account.user
        self.people = [await self.server.somebody(f"person{n}", encrypted=True) for n in range(1, people + 1)]
        ana, *others = self.people
        self.bot = on_matrix(self.server, self.folder, account, invites_from=[ana.user])
        async with asyncio.TaskGroup() as work:
            work.create_task(self.live(dies_at))
            for version in versions:
                invited = [person.user for person in others]
                room = await ana.create_room("Riverside", version=version, encrypted=True, invite=invited)
                await asyncio.gather(*(person.join(room) for person in others))
                self.rooms.append(room)
            for person in self.people[LISTENERS:]:
                await person.stop_listening()
            for room in self.rooms:
                await ana.invite(room, self.user)
                work.create_task(self._found(room))

    async def _found(self, room: str) -> None:
        ana, ben, *_ = self.people
        await ana.hears(room, lambda event: "Hello!" in event["content"].get("body", ""), within=SETTING_UP_SECONDS)
        await self.ask(ana, room, "!setup")
        await asyncio.gather(*(self.ask(person, room, "!join") for person in self.people[1:]))
        # In a burst hours go one way only: the limit must not decide what is done.
        await self.ask(ana, room, f"!organizer {_name(ben)}")
        await self.ask(ana, room, "!decide_by organizers")
        for person in self.people[1 : len(self.people) // 2 + 1]:
            await self.ask(person, room, "!vote 1 yes")
        await self.ask(ana, room, "!limit off")
        assert await self.ask(ben, room, "!limit off") == "There is no lowest balance now."

    async def ask(self, person: EncryptedMember, room: str, words: str) -> str:
        """Somebody says something to the bot; what it answers."""
        said = await person.say(room, words)
        heard = self.people[0].hears(room, lambda event: _answered(event) == said, within=SETTING_UP_SECONDS)
        return _words(await heard)

    # --- speaking --------------------------------------------------------------------------------------------

    async def live(self, dies_at: Sequence[Moment]) -> None:
        """Let the bot live and die so, again and again; at the end it is left running."""
        for moment in dies_at:
            await self.die(moment)
        await self.start()

    async def die(self, moment: Moment) -> None:
        """Start the bot and wait until it has died at this moment."""
        await self.bot.start([sys.executable, "-m", "tests.servers.killed_at", moment, *self.bot.arguments])
        assert await self.bot.ended(within=AWAY_SECONDS) == -signal.SIGKILL

    async def up(self) -> None:
        """Return when the bot, started just now, has read what was said while it was away."""
        await self.quiet(lambda: self._position() != self._stored)

    async def start(self) -> None:
        """Start the bot (again)."""
        self._stored = self._position()
        await super().start()

    def _position(self) -> object:
        if not self.bot.database.exists():
            return None
        with reading(self.bot.database) as connection:
            return connection.execute("SELECT at_us FROM positions WHERE network = 'matrix'").fetchone()

    async def burst(self, size: int) -> None:
        """So many commands by whomever, each person one after the other."""
        work: dict[EncryptedMember, list[tuple[str, str]]] = {}
        for _ in range(size):
            person, other = self.random.sample(self.people, 2)
            room = self.random.choice(self.rooms)
            work.setdefault(person, []).append((room, _name(other)))
        await asyncio.gather(*(self._speak(person, commands) for person, commands in work.items()))

    async def _speak(self, person: EncryptedMember, commands: Sequence[tuple[str, str]]) -> None:
        for room, other in commands:
            self.said += 1
            number = self.said
            self.by[person.user].append(number)
            self.where[number] = room
            self.commands[await self._say(person, room, f"!thank {other} 5m burst {number}")] = number

    async def _say(self, person: EncryptedMember, room: str, words: str) -> str:
        """As an app does it: it tries, always as the same message, until the homeserver has taken it."""
        transaction = secrets.token_hex(8)
        async with asyncio.timeout(AWAY_SECONDS):
            while True:
                try:
                    return await person.say(room, words, transaction=transaction)
                except (aiohttp.ClientError, OSError):
                    pass
                except Refused as refusal:
                    if 400 <= refusal.status < 500:
                        raise
                await asyncio.sleep(0.1)

    # --- counting --------------------------------------------------------------------------------------------

    def answered(self) -> bool:
        """Whether everything is done, said and put down as said, as far as one can tell without asking."""
        ana = self.people[0]
        heard = {_answered(event) for room in self.rooms for event in ana.events(room, by=self.user)}
        done = len(self.commands) == self.said and self.commands.keys() <= heard
        return done and not reminders_waiting(self.bot.database) and not owed(self.bot.database)

    async def found(self) -> Found:
        """Count, when all is quiet: what the books say, what people can read, and what the homeserver has.

        What was only just said, such as a card that is brought up to date later, may take a moment to be read and to be
        marked. A fault stays one.
        """
        end = time.monotonic() + READ_SECONDS_MAX
        while (found := await self._counted()).faults and time.monotonic() < end:
            await asyncio.sleep(0.5)
        return found

    async def _counted(self) -> Found:
        transfers = numbers(self.bot.database)
        readable = await self._readable()
        replied: Counter[int] = Counter()
        keys: Counter[str] = Counter()
        private: Counter[str] = Counter()
        ids: set[str] = set()
        order: list[int] = []
        asked_again = wrong = unread = 0
        rooms = (await self.server.administer("GET", f"/v1/users/{quote(self.user)}/joined_rooms"))["joined_rooms"]
        for room in rooms:
            with_whom = None
            for event in await self._history(room):
                content = event["content"]
                if event["type"] == "m.room.create" and room not in self.rooms:
                    with_whom = content["org.solibot.private_with"]
                    private[with_whom] += 1
                if event["type"] != "m.room.encrypted" or event["sender"] != self.user:
                    continue
                id_ = event["event_id"]
                if relation(event)[0] != "m.replace":
                    ids.add(id_)
                keys[content[OWED_KEY]] += 1
                words = readable.get(id_)
                unread += words is None and (with_whom is None or with_whom in self._listeners())
                number = self.commands.get(_answered(event) or "")
                if number is None:
                    continue
                if words is not None and "say it again" in words:
                    asked_again += 1
                    continue
                replied[number] += 1
                order.append(number)
                wrong += words is None or f"(No. {transfers.get(number)})" not in words
        told = reminded(readable.values())
        return Found(
            reminders_lost=max(0, self.watches - len(told) - not_named(readable.values())),
            reminders_doubled=sum(often > 1 for often in told.values()),
            tally=tally(self.said, effects(self.bot.database), replied),
            asked_again=asked_again,
            wrong=wrong,
            out_of_order=self._out_of_order([*transfers]) + self._out_of_order(order),
            unread=unread,
            repeated=sum(often > 1 for often in keys.values()),
            unmarked=len(ids ^ self._marked()),
            second_rooms=sum(often - 1 for often in private.values()),
        )

    def _listeners(self) -> dict[str, EncryptedMember]:
        return {person.user: person for person in self.people[:LISTENERS]}

    async def _readable(self) -> dict[str, str]:
        """What those who listened can read, by the ids of the events."""
        found = {}
        for person in self._listeners().values():
            for room in await person.joined_rooms():
                await person.catch_up(room)
                for event in person.events(room, kind="m.room.message", by=self.user):
                    found[event["event_id"]] = _words(event)
        return found

    async def _history(self, room: str) -> list[Json]:
        """All that was ever said in a room, as the homeserver tells its administrator; oldest first."""
        found: list[Json] = []
        start = ""
        while True:
            page = await self.server.administer("GET", f"/v1/rooms/{quote(room)}/messages?dir=b&limit=500{start}")
            found += page["chunk"]
            if not page["chunk"] or "end" not in page:
                return found[::-1]
            start = f"&from={quote(page['end'])}"

    def _out_of_order(self, done: Sequence[int]) -> int:
        place = {number: place for place, number in enumerate(done)}
        count = 0
        for said in self.by.values():
            for room in self.rooms:
                own = [place[number] for number in said if number in place and self.where[number] == room]
                count += sum(one > two for one, two in itertools.pairwise(own))
        return count

    def _marked(self) -> set[str]:
        """The messages in the rooms that the bot knows to have sent."""
        with reading(self.bot.database) as connection:
            rows = connection.execute(
                """SELECT message FROM outbox WHERE state = 'delivered' AND message IS NOT NULL
                   UNION SELECT message FROM cards WHERE message IS NOT NULL"""
            ).fetchall()
        return {message for (message,) in rows}


def _name(person: Member) -> str:
    return f"@{person.user.removeprefix('@').partition(':')[0]}"


def _words(event: Json) -> str:
    return str(event["content"].get("body"))


def _answered(event: Json) -> str | None:
    """The message that an event answers to, which is told in clear."""
    relates = event["content"].get("m.relates_to", {})
    answered = relates.get("m.in_reply_to", {}).get("event_id")
    return answered if isinstance(answered, str) else None
