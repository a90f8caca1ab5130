"""`solibot try --matrix`: a real homeserver on this computer, two bots, and people whom you are in Matrix clients.

Everything goes as it goes elsewhere: the people make rooms and call the bots into them, over the API of clients; the
bots are `solibot run`, each with settings and a database of its own.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from bot.homeserver import Json, Leashed, NotStarted, Synapse, installed, is_free
from bot.practice import GROUP, MEMBERS, ORGANIZERS, OTHER, OTHER_MEMBERS, OTHER_ORGANIZERS

PORT = 8008
NAME = "localhost"
PASSWORD = "solibot-practice"  # noqa: S105 - nobody outside of this computer reaches it, and it stands on the screen
BOT_SECONDS_MAX = 60.0
"""So long a bot may take for what it is asked: the first time it makes its keys."""
LOOK_SECONDS = 0.2
_KEPT = "people.json"


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

    def said(self, room: str, by: str) -> list[str]:
        """What somebody has said there, newest first, a hundred at most."""
        found = self.call("GET", f"/rooms/{quote(room)}/messages?dir=b&limit=100")["chunk"]
        return [
            str(event["content"].get("body", ""))
            for event in found
            if event["type"] == "m.room.message" and event["sender"] == by
        ]

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
def village(folder: Path, *, port: int, kept: bool, tell: Callable[[str], None]) -> Iterator[Running]:
    """A homeserver with both committees on it, their bots running; all of it ends with the context.

    `kept`: the folder stays, and goes on where it was. Raises CannotTry.
    """
    if not installed():
        raise CannotTry(
            "This needs a homeserver. Install Solibot with its extra homeserver; from a clone of it: "
            "uv run --extra homeserver solibot try --matrix"
        )
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
        for place, bot in zip(PLACES, bots, strict=True):
            done = folder / place.bot / "founded"
            if not done.exists():
                tell(f"{place.title} comes to be.")
                _found(server, place, bot)
                done.touch()
        yield Running(server, bots)


def _people(folder: Path, server: Synapse) -> dict[str, str]:
    """Let everybody have an account, if they have none; the password of each by the first part of their address."""
    file = folder / _KEPT
    passwords: dict[str, str] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    for place in PLACES:
        wanted = {place.bot: secrets.token_hex(16), **dict.fromkeys((*place.organizers, *place.members), PASSWORD)}
        for who, password in wanted.items():
            if who not in passwords:
                server.enrol(who, password, display="Solibot" if who == place.bot else who.capitalize())
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


def _found(server: Synapse, place: Place, bot: Leashed) -> None:
    """Let a committee come to be as people do it: a room, the bot in it, and everybody joins."""
    people = {who: Client(server, who, PASSWORD) for who in (*place.organizers, *place.members)}
    founder, second = (people[who] for who in place.organizers)
    others = [one for one in people.values() if one is not founder]
    address = server.user(place.bot)
    room = founder.make_room(place.title, [address, *(one.user for one in others)])
    for one in others:
        one.join(room)

    def wait(what: Callable[[], bool]) -> None:
        end = time.monotonic() + BOT_SECONDS_MAX
        while not what():
            if not bot.running or time.monotonic() > end:
                raise CannotTry(f"The bot of {place.title} does not answer. It said:\n{bot.log_tail(10)}")
            time.sleep(LOOK_SECONDS)

    def say(who: Client, words: str) -> None:
        before = len(founder.said(room, address))
        who.say(room, words)
        wait(lambda: len(founder.said(room, address)) > before)

    wait(lambda: address in founder.inside(room) and bool(founder.said(room, address)))
    say(founder, "!setup")
    for one in others:
        say(one, "!join")
    say(founder, f"!organizer {second.user}")
    for one in people.values():
        one.log_out()


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
        "Only this computer reaches it. Nothing is encrypted, so that whoever logs in",
        "later can read what was said. To leave, press Ctrl-C.",
        "",
    ]


def by_matrix(folder: Path, *, port: int, kept: bool, tell: Callable[[str], None]) -> None:
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
