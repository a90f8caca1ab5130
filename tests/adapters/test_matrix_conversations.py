"""The scripted conversations over a real Synapse: what is heard there is, word for word, what the terminal shows.

The terminal is made to look like Matrix for that: with its prefix, with numbers in place of buttons, without pop-ups.
"""

from __future__ import annotations

import asyncio
import difflib
import html
import itertools
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.adapters import matrix_polls
from bot.adapters.console import LIKENESSES, poll_text
from bot.app import App
from bot.practice import MEMBERS, ORGANIZERS, SCRIPT_START, FixedClock, Practice, read_time, run_script
from bot.text import LANGUAGES, Reader, T, shown
from storage import connections
from storage.members import RECOUNT_AFTER
from tests.conftest import without_hashes
from tests.scripts import FOLDER, SCRIPTS
from tests.servers.matrix_members import Json, Member, Predicate, relation
from tests.servers.matrix_scene import Scene, invited, scene
from tests.servers.synapse import Homeserver

MAIN = frozenset(("thank", "alert"))
"""Over Synapse in each run; all others, and every other language, in the long run: each takes some seconds."""
_POP_UPS = frozenset(("unseen", "sin_ver", "ungesehen"))
"""What only a network with pop-ups can do: on Matrix a reaction in a room is seen by all."""
ENCRYPTED = ("thank", "tap", "gracias", "danke")
"""Thanks in the three languages, and a poll; in each run the thanks in English."""
SAID = (
    *("bot: ", "bot (edit): ", "bot sends a file: ", "bot sends a picture: "),
    *("bot sends a poll: ", "bot ends the poll: "),
)
"""How lines begin that tell what the bot says."""
_STEP = re.compile(r"(?P<who>\w+)(?:\s*(?P<dm>\(dm\))|\s*>\s*(?P<other>\w+))?\s*:\s?(?P<text>.*)")
_NUMBERED = re.compile(r"(?P<sign>\U0001f51f|[0-9]+(?:\ufe0f\u20e3)?) (?P<label>.+?)(?:   |$)", re.MULTILINE)
_NOT_NEEDED = {f"[{shown(T('Open a private chat'), Reader(language))}]" for language in LANGUAGES}
"""On Matrix anybody can be reached in private."""


@dataclass
class Expected:
    """What the terminal shows."""

    heard: dict[str, list[str]] = field(default_factory=dict)
    """What the bot says in each place."""
    reached: dict[int, set[str]] = field(default_factory=dict)
    """For each step the people to whom the bot has spoken in private before it, in this script."""


def steps(script: Path) -> list[str]:
    """The lines of a script that are carried out on Matrix."""
    lines = [line.strip() for line in script.read_text("utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith("#") and not line.endswith(tuple(_NOT_NEEDED))]


async def in_the_terminal(script: Path, folder: Path) -> Expected:
    """Carry out a script in the terminal that looks like Matrix."""
    expected = Expected()

    def line(where: str, what: str) -> None:
        if what.startswith(SAID):
            expected.heard.setdefault(where, []).append(what)

    practice = await Practice.open(
        folder, line=line, clock=FixedClock(SCRIPT_START), repeatable=True, like=LIKENESSES["matrix"]
    )
    for number, step in enumerate([*steps(script), None]):
        expected.reached[number] = {where.removesuffix(" (dm)") for where in expected.heard if where.endswith(" (dm)")}
        if step is not None:
            await run_script(practice, step)
    await practice.close()
    return expected


@dataclass
class World:
    """A bot's account, people's accounts, and the rooms they share. Scripts follow one another there.

    Making rooms is slow. So the bot begins each script with a database that knows nothing but what it has read.
    """

    folder: Path
    encrypted: bool
    bot: str = ""
    room: str = ""
    people: dict[str, Member] = field(default_factory=dict)
    private: dict[str, str] = field(default_factory=dict)
    """Everybody's private room with the bot."""
    position: str | None = None
    """Where the bot's reading has come to."""

    async def open(self, homeserver: Homeserver) -> None:
        """Make it all, or let everybody listen again."""
        if self.room:
            await asyncio.gather(*(member.start() for member in self.people.values()))
            return
        for who in (*ORGANIZERS, *MEMBERS):
            self.people[who] = await somebody(homeserver, who, encrypted=self.encrypted)
        founder = self.people[ORGANIZERS[0]]
        async with self.bot_runs(homeserver, FixedClock(SCRIPT_START)) as bot:
            self.bot, self.room = bot.bot, await invited(bot, founder, encrypted=self.encrypted)
            # As a moderator it pins its card, as in the terminal.
            await founder.set_power(self.room, self.bot, 50)
            there = Riverside(bot, FixedClock(SCRIPT_START), self, {})
            await there.everybody_comes()
            await there.found_the_committee()
            # The answer is private: the bot opens a room for it.
            asked = [await member.say(self.room, "!balance") for member in self.people.values()]
            await bot.quiet(asked[-1])
            for who in self.people:
                await there.be_reached(who)
        self.private = dict(there.private)

    @asynccontextmanager
    async def bot_runs(
        self, homeserver: Homeserver, clock: FixedClock, friends: Iterable[str] = ()
    ) -> AsyncIterator[Scene]:
        """The real core on a new database, and the real adapter, in this process; the homeserver in another."""
        for kept in self.folder.glob("solibot.sqlite*"):
            kept.unlink()
        if self.position is not None:
            app = await App.open(self.folder / "solibot.sqlite", popups={}, now=clock)
            rooms = {self.room, *self.private.values()}
            heard = [event for member in self.people.values() for room in rooms for event in member.events(room)]
            await app.dispatcher.advance("matrix", self.position, {event["event_id"] for event in heard})
            # The same codes as in the terminal.
            await app.database.transact(lambda tx: connections.begin(tx, b"practice"))
            await app.close()
        async with scene(
            homeserver,
            self.folder,
            user=self.bot or None,
            # Whoever is no member yet opens no private chat with the bot, but for these.
            invites_from=[self.people[ORGANIZERS[0]].user, *friends],
            now=clock,
            encrypted_private_chats=self.encrypted,
        ) as bot:
            yield bot
            self.position = await bot.app.dispatcher.position("matrix")


class Riverside:
    """Riverside in a room, and everybody's private room with the bot, for the time of one script."""

    def __init__(self, scene: Scene, clock: FixedClock, world: World, strangers: dict[str, Member]) -> None:
        self.scene, self.clock, self.room = scene, clock, world.room
        self.people = world.people | strangers
        self.private = dict(world.private)
        self.last_said: dict[tuple[str, str], str] = {}
        self._strangers = strangers
        self._before: dict[str, str] = {}
        self._past = {
            (who, room): len(self.people[who].events(room, kind="m.room.message", by=scene.bot))
            for who in world.people
            for room in (world.room, *world.private.values())
        }
        """What everybody had heard of the bot before this script: long, and of no use to it."""
        self._pressed: set[tuple[str, str, str]] = set()
        self._ways = itertools.cycle(("reaction", "answer"))
        self._votes: dict[tuple[str, str], list[str]] = {}
        self._names = itertools.cycle(("unstable", "stable"))

    async def begin(self) -> None:
        """The same beginning as in the terminal."""
        await self.everybody_comes()
        await self.scene.quiet(await self.found_the_committee())
        for who, room in [*self.private.items(), (ORGANIZERS[0], self.room)]:
            await self._catch_up(self.people[who], room)
            self._before[room] = self.people[who].events(room)[-1]["event_id"]

    async def everybody_comes(self) -> None:
        """Into the room come those members who are not there."""
        inside = await self.people[ORGANIZERS[0]].joined(self.room)
        missing = [who for who in (*ORGANIZERS, *MEMBERS) if self.people[who].user not in inside]
        await asyncio.gather(*(self._come_in(who) for who in missing))

    async def found_the_committee(self) -> str:
        """Everybody becomes a member; the last event."""
        founder, second = ORGANIZERS
        await self._write(founder, "!setup", self.room)
        for who in (second, *MEMBERS):
            await self._write(who, "!join", self.room)
        last = await self._write(founder, f"!organizer @{second}", self.room)
        await self.scene.quiet(last)
        # What changed in this moment is shown in it.
        await self.scene.app.dispatcher.tick(self.clock() + RECOUNT_AFTER)
        await self.scene.app.delivery.settle()
        return last

    async def go(self) -> None:
        """Whoever is no member goes, so that the next script begins as this one did."""
        for who, member in self._strangers.items():
            for room in await member.joined_rooms():
                await member.leave(room)
            self.private.pop(who, None)

    async def step(self, line: str, *, reached: set[str]) -> None:
        """One line of a script. `reached`: to whom the bot has spoken in private."""
        if line.endswith(" joins"):
            await self.scene.quiet(await self._come_in(line.split()[0]))
        elif line.endswith(" leaves"):
            await self._leave(line.split()[0])
        elif line.startswith("skip "):
            await self._skip(line.removeprefix("skip "))
        else:
            found = _STEP.fullmatch(line)
            assert found is not None, line
            who, text = found["who"], found["text"].strip()
            room = await self._room(who, private=found["dm"] is not None, reached=reached)
            if text.startswith("[") and text.endswith("]"):
                await self._choose(who, text[1:-1], room)
            else:
                typed = re.sub(r"^/(?=[A-Za-z])", "!", text.replace(" / ", "\n"))
                await self.scene.quiet(await self._write(who, typed, room, reply_to=found["other"]))
        # What takes long is worked out before the next line, as in the terminal.
        await self.scene.app.settle()

    async def heard(self, *, group: str, reached: set[str]) -> dict[str, list[str]]:
        """All that the bot has said in each place since the beginning; in the group as this person heard it."""
        for who in reached - self.private.keys():
            await self.be_reached(who)
        places = {"Riverside": (group, self.room)}
        places |= {f"{who} (dm)": (who, room) for who, room in self.private.items()}
        found: dict[str, list[str]] = {}
        for place, (who, room) in places.items():
            member = self.people[who]
            await self._catch_up(member, room)
            if said := self._said(member, room, after=self._before.get(room)):
                found[place] = said
        return found

    # --- what people do ----------------------------------------------------------------------------------------

    async def _room(self, who: str, *, private: bool, reached: set[str]) -> str:
        if not private:
            if who in self._strangers and not self.people[who].events(self.room):
                await self._come_in(who)
            return self.room
        if who not in self.private and who in reached:
            await self.be_reached(who)
        elif who not in self.private:
            member = self.people[who]
            self.private[who] = await member.create_room(invite=[self.scene.bot], direct=True)
            await member.hears(self.private[who], self._comes(self.scene.bot))
        return self.private[who]

    async def be_reached(self, who: str) -> None:
        """The bot has opened a private room with somebody, who has come in."""
        member = self.people[who]
        self.private[who] = (await member.invited(by=self.scene.bot)).room
        await member.hears(self.private[who], self._comes(member.user))

    async def _come_in(self, who: str) -> str:
        member = self.people[who]
        await self.people[ORGANIZERS[0]].invite(self.room, member.user)
        await member.join(self.room)
        return str((await member.hears(self.room, self._comes(member.user)))["event_id"])

    async def _leave(self, who: str) -> None:
        member = self.people[who]
        await member.leave(self.room)
        gone = await self.people[ORGANIZERS[0]].hears(self.room, self._comes(member.user, "leave"))
        await self.scene.quiet(gone["event_id"])

    async def _write(self, who: str, text: str, room: str, *, reply_to: str | None = None) -> str:
        answered = self.last_said[reply_to, room] if reply_to else None
        event = await self.people[who].say(room, text, reply_to=answered)
        self.last_said[who, room] = event
        return event

    async def _choose(self, who: str, label: str, room: str) -> None:
        """Choose the newest button of this label that they see there or in private: by a tap, or by an answer."""
        member = self.people[who]
        places = {room, self.private.get(who, room)}
        for place in places:
            await self._catch_up(member, place)
        taps = [
            (event["origin_server_ts"], place, message, choice["sign"])
            for place in places
            for event in member.events(place, kind="m.room.message", by=self.scene.bot)[
                self._past.get((who, place), 0) :
            ]
            for message in [_about(event)]
            for choice in _NUMBERED.finditer(member.shown(message).text)
            if choice["label"] == label
        ]
        newest = max([*taps, *self._polls_with(member, places, label)])
        _, place, message, sign = newest
        if newest not in taps:
            await self._vote(who, place, message, sign)
            return
        if next(self._ways) == "reaction" and (who, message, sign) not in self._pressed:
            self._pressed.add((who, message, sign))
            event = await member.react(place, message, sign)
        else:
            event = await member.say(place, re.sub(r"[^0-9]", "", sign) or "10", reply_to=message)
        await self.scene.quiet(event)

    def _polls_with(self, member: Member, places: set[str], label: str) -> list[tuple[int, str, str, str]]:
        """The polls of Matrix's own in which that can be chosen: when, where, which, and the answer's own id."""
        return [
            (event["origin_server_ts"], place, event["event_id"], answer["id"])
            for place in places
            for event in member.events(place, kind=matrix_polls.START, by=self.scene.bot)
            for answer in event["content"][matrix_polls.START]["answers"]
            if answer["org.matrix.msc1767.text"] == label
        ]

    async def _vote(self, who: str, room: str, poll: str, answer: str) -> None:
        """Choose in a poll of Matrix's own, under either name; what was chosen before is taken back."""
        begun = next(event for event in self.people[who].events(room) if event["event_id"] == poll)
        before = self._votes.get((who, poll), [])
        several = begun["content"][matrix_polls.START]["max_selections"] > 1
        kept = [one for one in before if one != answer] if several or answer in before else []
        chosen = self._votes[who, poll] = kept if answer in before else sorted([*kept, answer])
        content: Json = {"m.relates_to": {"rel_type": "m.reference", "event_id": poll}}
        if next(self._names) == "stable":
            kind = matrix_polls.RESPONSE
            content["m.selections"] = chosen
        else:
            kind = matrix_polls.RESPONSE_UNSTABLE
            content[kind] = {"answers": chosen}
        await self.scene.quiet(await self.people[who].send(room, kind, content))

    async def _skip(self, text: str) -> None:
        stretch = read_time(text)
        assert stretch is not None
        app, target = self.scene.app, self.clock() + stretch
        while (following := await app.dispatcher.tick(self.clock())) is not None and following <= target:
            await app.settle()
            self.clock.move(following)
        await app.settle()
        self.clock.move(target)
        await app.settle()

    # --- what people hear --------------------------------------------------------------------------------------

    async def _catch_up(self, member: Member, room: str) -> None:
        """Let somebody have heard, and read, all that was said in a room since they came."""
        await member.catch_up(room)
        came = self._comes(member.user)

        def all_read() -> bool | None:
            since = itertools.dropwhile(lambda event: not came(event), member.events(room))
            return all(event["type"] != "m.room.encrypted" for event in since) or None

        await member.sees(all_read)

    def _said(self, member: Member, room: str, *, after: str | None) -> list[str]:
        events = member.events(room)
        begin = next((at for at, event in enumerate(events, start=1) if event["event_id"] == after), 0)
        shows: dict[str, str] = {}
        said = []
        polls: dict[str, str] = {}
        for number, event in enumerate(events):
            if event["sender"] == self.scene.bot and event["type"] == matrix_polls.START:
                poll = event["content"][matrix_polls.START]
                question, options = (
                    poll["question"]["body"],
                    [answer["org.matrix.msc1767.text"] for answer in poll["answers"]],
                )
                polls[event["event_id"]] = question
                if number >= begin:
                    text = poll_text(question, options, several=poll["max_selections"] > 1)
                    said.append(f"bot sends a poll: {flat(text)}")
            if event["sender"] == self.scene.bot and event["type"] == matrix_polls.END and number >= begin:
                said.append(f"bot ends the poll: {polls[relation(event)[1] or '']}")
            if event["type"] != "m.room.message" or event["sender"] != self.scene.bot:
                continue
            message = _about(event)
            edit = message != event["event_id"]
            content = event["content"]["m.new_content"] if edit else event["content"]
            words = flat(content["body"])
            if content["msgtype"] == "m.file":
                if number >= begin:
                    said.append(f"bot sends a file: {words} ({content['info']['size']} bytes)")
                continue
            if content["msgtype"] == "m.image":
                if number >= begin:
                    said.append(f"bot sends a picture: {words}")
                continue
            assert flat(_without_marks(content["formatted_body"])) == words
            if shows.get(message) != words and number >= begin:
                said.append(f"{'bot (edit)' if edit else 'bot'}: {words}")
            shows[message] = words
        return said

    @staticmethod
    def _comes(user: str, how: str = "join") -> Predicate:
        def membership(event: Json) -> bool:
            return (event["type"], event.get("state_key")) == ("m.room.member", user) and (
                event["content"]["membership"] == how
            )

        return membership


def _lines(heard: dict[str, list[str]]) -> list[str]:
    return [without_hashes(f"{place} | {what}") for place, said in sorted(heard.items()) for what in said]


def _about(event: Json) -> str:
    """The message that an event is, or that it changes."""
    kind, changed = relation(event)
    return changed if kind == "m.replace" and changed else str(event["event_id"])


def _without_marks(marked_up: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", marked_up.replace("<br>", "\n")))


def flat(text: str) -> str:
    """A message on one line, as transcripts show it."""
    return " / ".join(line.strip() for line in text.splitlines() if line.strip())


async def somebody(homeserver: Homeserver, who: str, *, encrypted: bool) -> Member:
    """Somebody with an account and a client."""
    return await (homeserver.somebody(who, encrypted=True) if encrypted else homeserver.somebody(who))


@pytest.fixture(scope="session")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, World]:
    """One in which rooms are plain, and one in which they are encrypted: filled by the first test that comes."""
    return {encrypted: World(tmp_path_factory.mktemp("world"), encrypted) for encrypted in (False, True)}


async def replay(
    worlds: dict[bool, World],
    homeserver: Homeserver,
    folder: Path,
    script: Path,
    *,
    encrypted: bool,
    hearing: list[str],
) -> None:
    """Carry out a script in the terminal and over Matrix, and compare."""
    expected = await in_the_terminal(script, folder)
    world = worlds[encrypted]
    # After a failure the next begins with everything new.
    (again := folder / "world").mkdir()
    worlds[encrypted] = World(again, encrypted)
    await world.open(homeserver)
    speaking = (re.match(r"\w+", line) for line in steps(script) if not line.startswith("skip "))
    strangers = {found[0] for found in speaking if found} - world.people.keys()
    others = {who: await somebody(homeserver, who, encrypted=encrypted) for who in sorted(strangers)}
    clock = FixedClock(SCRIPT_START)
    async with world.bot_runs(homeserver, clock, [other.user for other in others.values()]) as bot:
        there = Riverside(bot, clock, world, others)
        await there.begin()
        for number, line in enumerate(steps(script)):
            await there.step(line, reached=expected.reached[number])
        for who in hearing:
            heard = await there.heard(group=who, reached=expected.reached[len(steps(script))])
            differences = difflib.unified_diff(_lines(expected.heard), _lines(heard), "expected", who, lineterm="")
            assert not (found := "\n".join(differences)), found
        assert [member.trouble for member in there.people.values() if member.trouble] == []
        await there.go()
    for member in world.people.values():
        await member.close()
    worlds[encrypted] = world


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(script, marks=[] if script.stem in MAIN else [pytest.mark.soak])
        for script in SCRIPTS
        if script.stem not in _POP_UPS
    ],
    ids=lambda script: script.stem,
)
async def test_matrix_hears_what_the_terminal_shows(
    script: Path, worlds: dict[bool, World], homeserver: Homeserver, tmp_path: Path
) -> None:
    await replay(worlds, homeserver, tmp_path, script, encrypted=False, hearing=["ana"])


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(script, marks=[] if script.stem in MAIN else [pytest.mark.soak])
        for script in (FOLDER / f"{name}.chat" for name in ENCRYPTED)
    ],
    ids=lambda script: script.stem,
)
async def test_in_an_encrypted_room_everybody_reads_it(
    script: Path, worlds: dict[bool, World], homeserver: Homeserver, tmp_path: Path
) -> None:
    await replay(worlds, homeserver, tmp_path, script, encrypted=True, hearing=["ana", "ben", "chi", "eli"])
