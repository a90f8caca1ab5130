"""`solibot try --matrix`: a real homeserver on this computer, two bots, and people whom you are in Matrix clients.

Everything goes as it goes elsewhere: the people make rooms and call the bots into them, over the API of clients; the
bots are `solibot run`, each with settings and a database of its own.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from bot.homeserver import Json, Leashed, NotStarted, Synapse, begun_at, installed, is_free
from bot.practice import FEDERATION_NAME, GROUP, MEMBERS, ORGANIZERS, OTHER, OTHER_MEMBERS, OTHER_ORGANIZERS

PORT = 8008
NAME = "localhost"
PASSWORD = "solibot-practice"  # noqa: S105 - nobody outside of this computer reaches it, and it stands on the screen
BOT_SECONDS_MAX = 60.0
"""So long a bot may take for what it is asked: the first time it makes its keys."""
LOOK_SECONDS = 0.2
_KEPT, _ROOMS = "people.json", "rooms.json"
Found = TypeVar("Found")


class CannotTry(Exception):
    """It cannot be tried; `sentence` says why, and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A committee that comes to be: its group, its people, and its bot's account."""

    title: str
    organizers: tuple[str, ...]
    members: tuple[str, ...]
    bot: str


PLACES = (
    Place(title=GROUP, organizers=ORGANIZERS, members=MEMBERS, bot="riverside_bot"),
    Place(title=OTHER, organizers=OTHER_ORGANIZERS, members=OTHER_MEMBERS, bot="hillside_bot"),
)


class Client:
    """Somebody, over the API that Matrix clients speak: as much of it as a committee needs to come to be."""

    def __init__(self, server: Synapse, localpart: str, password: str) -> None:
        self._server = server
        body = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": localpart},
            "password": password,
            "initial_device_display_name": "Solibot's practice",
        }
        answer = server.call("POST", "/_matrix/client/v3/login", body)
        self.user: str = answer["user_id"]
        self._token: str = answer["access_token"]
        self._since: str | None = None

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """One call; `path` begins after `/_matrix/client/v3`. Raises Refused."""
        return self._server.call(method, f"/_matrix/client/v3{path}", body, token=self._token)

    def make_room(self, title: str, invited: Sequence[str]) -> str:
        """A room into which these people are called; its id."""
        body = {"name": title, "preset": "private_chat", "invite": [*invited]}
        room: str = self.call("POST", "/createRoom", body)["room_id"]
        return room

    def join(self, room: str) -> None:
        """Come in."""
        self.call("POST", f"/join/{quote(room)}", {})

    def say(self, room: str, words: str) -> None:
        """Write something."""
        path = f"/rooms/{quote(room)}/send/m.room.message/{secrets.token_hex(8)}"
        self.call("PUT", path, {"msgtype": "m.text", "body": words})

    def inside(self, room: str) -> set[str]:
        """Who is in the room."""
        return set(self.call("GET", f"/rooms/{quote(room)}/joined_members")["joined"])

    def heard(self, room: str, by: str) -> list[tuple[str, str]]:
        """What somebody has said there, newest first, a hundred at most: the id of the message, and the words.

        Changes of a message stand under their own id.
        """
        found = self.call("GET", f"/rooms/{quote(room)}/messages?dir=b&limit=100")["chunk"]
        return [
            (str(event["event_id"]), str(event["content"].get("body", "")))
            for event in found
            if event["type"] == "m.room.message" and event["sender"] == by
        ]

    def react(self, room: str, message: str, key: str) -> None:
        """Put a reaction under a message."""
        path = f"/rooms/{quote(room)}/send/m.reaction/{secrets.token_hex(8)}"
        self.call("PUT", path, {"m.relates_to": {"rel_type": "m.annotation", "event_id": message, "key": key}})

    def invited(self) -> list[str]:
        """The rooms into which they were called since they were asked last."""
        since = "" if self._since is None else f"&since={quote(self._since)}"
        answer = self.call("GET", f"/sync?timeout=0{since}")
        # From here on: what is asked twice in the same words is answered twice the same, for two minutes.
        self._since = answer["next_batch"]
        return [*answer.get("rooms", {}).get("invite", {})]

    def log_out(self) -> None:
        """This device is no more."""
        self.call("POST", "/logout", {})


@dataclass(frozen=True, slots=True)
class Running:
    """The homeserver, and a bot for each of `PLACES`."""

    server: Synapse
    bots: list[Leashed]

    def ended(self) -> Leashed | None:
        """A program that has ended by itself."""
        return next((one for one in (self.server, *self.bots) if not one.running), None)


@contextlib.contextmanager
def village(folder: Path, *, port: int | None, kept: bool, tell: Callable[[str], None]) -> Iterator[Running]:
    """A homeserver with both committees on it, their bots running; all of it ends with the context.

    `kept`: the folder stays, and goes on where it was. Raises CannotTry.
    """
    if not installed():
        raise CannotTry(
            "This needs a homeserver. Install Solibot with its extra homeserver; from a clone of it: "
            "uv run --extra homeserver solibot try --matrix"
        )
    begun = begun_at(folder / "homeserver")
    if port is not None and begun not in (None, port):
        raise CannotTry(
            f"This folder was begun with the port {begun}, and its bots look for it there. Leave --port out, or name "
            "another folder."
        )
    port = port or begun or PORT
    if not is_free(port):
        raise CannotTry(f"Another program uses the port {port}. Name another one, such as --port {port + 1}")
    tell("A homeserver starts on this computer; that takes some seconds.")
    server = Synapse(folder / "homeserver", port=port, name=NAME, log=folder / "homeserver.log", kept=kept)
    with contextlib.ExitStack() as owed:
        owed.callback(server.end)
        try:
            server.open()
        except NotStarted as error:
            raise CannotTry(f"The homeserver did not start. It said:\n{error}") from error
        passwords = _people(folder, server)
        bots = [_bot(folder, place, server, passwords[place.bot]) for place in PLACES]
        for bot in bots:
            owed.callback(bot.end)
            bot.launch()
        groups = [Group(server, place, bot) for place, bot in zip(PLACES, bots, strict=True)]
        for group in groups:
            group.wait(partial(group.bot.has_written, '"ready"'))
        kept_rooms = folder / _ROOMS
        if not kept_rooms.exists():
            for group in groups:
                tell(f"{group.place.title} comes to be.")
                group.found()
            tell(f"They are linked: {FEDERATION_NAME}.")
            _link(*groups)
            kept_rooms.write_text(json.dumps([group.room for group in groups]), "utf-8")
            for group in groups:
                group.log_out()
        yield Running(server, bots)


def _people(folder: Path, server: Synapse) -> dict[str, str]:
    """Let everybody have an account, if they have none; the password of each by the first part of their address."""
    file = folder / _KEPT
    passwords: dict[str, str] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    for place in PLACES:
        wanted = {place.bot: secrets.token_hex(16), **dict.fromkeys((*place.organizers, *place.members), PASSWORD)}
        for who, password in wanted.items():
            if who not in passwords:
                login = server.enrol(who, password, display="Solibot" if who == place.bot else who.capitalize())
                # A device that nobody uses would make the bot believe that somebody else has its password.
                server.call("POST", "/_matrix/client/v3/logout", {}, token=login.token)
                passwords[who] = password
    file.write_text(json.dumps(passwords), "utf-8")
    return passwords


def _bot(folder: Path, place: Place, server: Synapse, password: str) -> Leashed:
    """The bot of a committee, not yet running."""
    home = folder / place.bot
    home.mkdir(exist_ok=True)
    settings = home / "config.toml"
    settings.write_text(
        f"""[bot]
data = "data"

[matrix]
user = "{server.user(place.bot)}"
homeserver = "{server.url}"
password = "{password}"
invites_from = {json.dumps([server.user(who) for who in place.organizers])}
# Whoever logs in later can read what was said before.
encrypted_private_chats = false
""",
        "utf-8",
    )
    settings.chmod(0o600)
    return Leashed("bot", "run", "--config", str(settings), cwd=home, log=home / "bot.log")


class Group:
    """A committee that comes to be, and what its people do in its group, over the homeserver."""

    def __init__(self, server: Synapse, place: Place, bot: Leashed) -> None:
        self.place = place
        self.bot = bot
        self.room = ""
        self.people: dict[str, Client] = {}
        self.account = server.user(place.bot)
        self._server = server

    @property
    def founder(self) -> Client:
        """The first of its organizers."""
        return self.people[self.place.organizers[0]]

    def wait(self, what: Callable[[], Found]) -> Found:
        """Until the bot has done this; what is found then. Raises CannotTry where it does not."""
        end = time.monotonic() + BOT_SECONDS_MAX
        while not (found := what()):
            if not self.bot.running or time.monotonic() > end:
                raise CannotTry(f"The bot of {self.place.title} does not answer. It said:\n{self.bot.log_tail(10)}")
            time.sleep(LOOK_SECONDS)
        return found

    def say(self, who: str, words: str) -> None:
        """Somebody writes in the group, and the bot answers."""
        before = len(self.founder.heard(self.room, self.account))
        self.people[who].say(self.room, words)
        self.wait(lambda: len(self.founder.heard(self.room, self.account)) > before)

    def press(self, who: str, label: str) -> None:
        """Somebody puts the reaction under the newest message that has this button, once there is one."""

        def there() -> tuple[str, str] | None:
            for message, words in self.founder.heard(self.room, self.account):
                found = re.search(rf"([1-9]\ufe0f\u20e3) {re.escape(label)}", words)
                # What begins with a star is a change of another message.
                if found is not None and not words.startswith("* "):
                    return message, found[1]
            return None

        self.people[who].react(self.room, *self.wait(there) or ("", ""))

    def hears(self, words: str) -> None:
        """Until the bot has said this in the group."""
        self.wait(lambda: any(words in said for _, said in self.founder.heard(self.room, self.account)))

    def whispered(self, who: str, form: str) -> str:
        """What the bot writes to somebody in private that has this form, once it does."""
        client = self.people[who]
        rooms: list[str] = []

        def there() -> str | None:
            for room in client.invited():
                client.join(room)
                rooms.append(room)
            found = (re.search(form, said) for room in rooms for _, said in client.heard(room, self.account))
            return next((one[0] for one in found if one is not None), None)

        return self.wait(there) or ""

    def found(self) -> None:
        """Let the committee come to be as people do it: a room, the bot in it, and everybody joins."""
        place = self.place
        self.people = {who: Client(self._server, who, PASSWORD) for who in (*place.organizers, *place.members)}
        second, *members = (*place.organizers[1:], *place.members)
        others = [self.people[who] for who in (second, *members)]
        self.room = self.founder.make_room(place.title, [self.account, *(one.user for one in others)])
        for one in others:
            one.join(self.room)
        self.wait(lambda: self.account in self.founder.inside(self.room))
        self.wait(lambda: bool(self.founder.heard(self.room, self.account)))
        self.say(place.organizers[0], "!setup")
        for who in (second, *members):
            self.say(who, "!join")
        self.say(place.organizers[0], f"!organizer {self.people[second].user}")

    def decide(self, about: str) -> None:
        """A proposal of the first organizer passes: with theirs it has three of four."""
        self.hears(about)
        for who in (self.place.organizers[1], self.place.members[0]):
            self.press(who, "Yes")

    def log_out(self) -> None:
        """What was logged in for this is no more."""
        for one in self.people.values():
            one.log_out()


def _link(first: Group, second: Group) -> None:
    """Link the committees as people do it: found, invite, compare the words, and decide on both sides."""
    ana, dora = first.place.organizers[0], second.place.organizers[0]
    first.say(ana, f'!federation found "{FEDERATION_NAME}"')
    first.decide("We found a federation")
    first.hears("is founded")
    first.people[ana].say(first.room, "!link")
    invitation = first.whispered(ana, r"link (@\S+ [A-Z0-9-]+)")
    second.people[dora].say(second.room, f"!{invitation}")
    for group, who in ((first, ana), (second, dora)):
        group.press(who, "The words are the same")
        group.decide("We link with")
    for group in (first, second):
        group.hears("linked with")


def told(server: Synapse) -> list[str]:
    """How to log in, a line each."""
    lines = [
        "",
        f"Homeserver: {server.url}",
        f"Password of everybody: {PASSWORD}",
        "",
    ]
    for place in PLACES:
        organizers = " and ".join(server.user(who) for who in place.organizers)
        members = " and ".join(server.user(who) for who in place.members)
        lines += [
            f"{place.title}, with the bot {server.user(place.bot)}:",
            f"  {organizers} organize it,",
            f"  {members} are members.",
        ]
    return [
        *lines,
        "",
        "Log in with any Matrix client on this computer, say Element: choose another",
        "homeserver there, and write the address above. You find your group among the",
        "rooms. Write !menu there; numbers under a message are chosen by reactions.",
        f"Both committees are linked, in {FEDERATION_NAME}: !federation shows it.",
        "Only this computer reaches it. Nothing that people write is encrypted, so that",
        "whoever logs in later can read what was said. To leave, press Ctrl-C.",
        "",
    ]


def by_matrix(folder: Path, *, port: int | None, kept: bool, tell: Callable[[str], None]) -> None:
    """Let both committees be there until Ctrl-C. Raises CannotTry, also when one of the programs has ended."""
    with village(folder.resolve(), port=port, kept=kept, tell=tell) as running:
        for line in told(running.server):
            tell(line)
        try:
            while (ended := running.ended()) is None:
                time.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            tell("Everything is shut.")
            return
        raise CannotTry(f"One of the programs has ended. It said:\n{ended.log_tail(10)}")
