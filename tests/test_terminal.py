"""`solibot try` by hand: at a real terminal (a pty), through a pipe, and the pieces in between."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot import terminal
from bot.adapters.console import LIKENESSES
from bot.app import commands
from bot.practice import SCRIPT_START, FixedClock, Practice
from bot.terminal import COMMANDS, Line, Terminal, rows
from storage import inspection

ROOT = Path(__file__).parent.parent
TRY = (sys.executable, "-m", "bot", "try")
SECONDS_MAX = 30.0


class Hand(Terminal):
    """A terminal whose screen is a list."""

    def __init__(self, columns: int | None = None, *, like: str = "telegram") -> None:
        self.lines: list[str] = []
        super().__init__(self._keep, columns=lambda: columns, like=LIKENESSES[like])

    def _keep(self, line: Line) -> None:
        self.lines.append("".join(text for _, text in line))

    async def types(self, line: str) -> list[str]:
        """Type a line; what is shown then."""
        before = len(self.lines)
        assert await self.typed(line)
        return self.lines[before:]


@pytest_asyncio.fixture
async def hand(tmp_path: Path) -> AsyncIterator[Hand]:
    """Somebody at the practice committee."""
    hand = Hand()
    await hand.begin(tmp_path)
    yield hand
    await hand.practice.close()
    assert hand.practice.app.dispatcher.incidents == 0


@pytest_asyncio.fixture
async def element(tmp_path: Path) -> AsyncIterator[Hand]:
    """Somebody at a practice committee that looks as on Matrix."""
    hand = Hand(like="matrix")
    await hand.begin(tmp_path)
    yield hand
    await hand.practice.close()
    assert hand.practice.app.dispatcher.incidents == 0


# --- what is typed -----------------------------------------------------------------------------------------------


async def test_buttons_are_numbered_and_pressed_by_number_or_label(hand: Hand) -> None:
    shown = await hand.types("/thank @ben 1h30 fixed the bike")
    assert shown[0] == "Riverside | ana: /thank @ben 1h30 fixed the bike"
    assert "Riverside | bot: Ben helped Ana: 1 h 30. (No. 1)  [1 My balance] [2 Undo]" in shown
    assert await hand.types("[1]") == [
        "Riverside | ana presses [My balance]",
        "ana (tap) | bot: You have -1 h 30. / The limit is -12 h.",
    ]
    assert (await hand.types("[My balance]"))[0] == "Riverside | ana presses [My balance]"
    assert (await hand.types("[2 Undo]"))[0] == "Riverside | ana presses [Undo]"


async def test_pressing_what_is_not_there_gets_a_sentence(hand: Hand) -> None:
    await hand.types("/thank @ben 1h30")
    assert await hand.types("[7]") == ["-- ana sees no button [7]."]
    assert await hand.types("[Nope]") == ["-- ana sees no button [Nope]."]
    await hand.types("[Undo]")
    assert await hand.types("[2]") == ["-- That button is not there any more. Look at the newest messages."]
    await hand.types("/dm")
    [number] = re.findall(r"\[(\d+) More\]", "".join(await hand.types("/menu")))
    await hand.types("/as chi")
    assert await hand.types(f"[{number}]") == ["-- chi does not see that button: it is in ana (dm)."]


async def test_numbers_begin_again_before_they_grow_long(hand: Hand) -> None:
    for _ in range(60):
        shown = await hand.types("/thank @ben 1m")
    numbers = [int(number) for line in hand.lines for number in re.findall(r"\[(\d+) ", line)]
    assert max(numbers) == terminal.NUMBERS_MAX
    newest = [int(number) for number in re.findall(r"\[(\d+) ", "".join(shown))]
    assert (await hand.types(f"[{newest[0]}]"))[0].startswith("Riverside | ana presses [")


async def test_you_can_be_somebody_else_and_somebody_new(hand: Hand) -> None:
    assert await hand.types("/as chi") == ["-- You are chi now."]
    assert hand.prompt == "chi in Riverside> "
    assert await hand.types("/as @ben") == ["-- You are ben now."]
    shown = await hand.types("/as dan")
    assert shown == ["Riverside | dan joins", "-- You are dan, who is new in the group. /join makes dan a member."]
    assert "Welcome" in (await hand.types("/join"))[1]
    for nobody in ("/as", "/as bot", "/as Ana Maria", "/as [1]"):
        assert await hand.types(nobody) == ["-- Who? Type a name, such as /as chi"]
    assert hand.who == "dan"


async def test_dm_goes_to_the_private_chat_and_back(hand: Hand) -> None:
    assert await hand.types("/dm") == ["-- You are in ana's private chat with the bot; /dm goes back."]
    assert hand.prompt == "ana (dm)> "
    assert (await hand.types("/balance"))[1] == "ana (dm) | bot: You have 0 min."
    assert await hand.types("/dm") == ["-- You are in the group Riverside."]
    assert await hand.types("/dm hello") == ["-- Type /dm alone: it goes to the private chat, and back."]


async def test_another_network_is_one_command_away(hand: Hand) -> None:
    [_, code] = await hand.types("/connect")
    command = code.partition("types: ")[2].partition(" / ")[0]
    assert await hand.types("/matrix") == [
        "-- You are in the group Riverside (Matrix); /matrix goes back. Your account there is another one."
    ]
    [said, *answers] = await hand.types(command.replace("/", "!"))
    assert said == f"Riverside (Matrix) | ana: {command.replace('/', '!')}"
    assert sorted(answer.partition(" | bot: ")[0] for answer in answers) == [
        "Riverside",
        "Riverside (Matrix)",
        "Riverside (Matrix)",
    ], "told here; there answered, and the card to join by shown"
    button = next(answer for answer in answers if answer.startswith("Riverside | "))[-15:]
    assert (await hand.types(button.strip()))[0].startswith("-- ana sees no button")
    assert await hand.types("/matrix there") == ["-- Type /matrix alone: it goes to the second network, and back."]
    assert await hand.types("/dm") == [
        "-- You are in ana's private chat with the bot; /dm goes back.",
    ]
    assert await hand.types("/matrix") == ["-- You are in the group Riverside."]
    assert (await hand.types(button.strip()))[0] == "Riverside | ana presses [Take it out]"


async def test_skip_moves_the_clock_and_what_falls_due_happens(hand: Hand) -> None:
    before = hand.practice.clock()
    shown = await hand.types("/skip 2d 1h")
    assert (hand.practice.clock() - before).total_seconds() == pytest.approx(2 * 86400 + 3600, abs=5)
    assert shown[-1] == f"-- It is {hand.practice.clock():%A %d %B %Y, %H:%M} UTC now."
    for nothing in ("/skip", "/skip soon", "/skip 2", "/skip 400d", "/skip 9999w 9999w 9999w"):
        assert await hand.types(nothing) == ["-- How long? Such as /skip 2d or /skip 1h 30m; a year at most."]


async def test_what_falls_due_by_itself_happens_while_nobody_types(hand: Hand) -> None:
    await hand.tick()
    assert hand.lines == []


async def test_the_terminals_own_commands_do_not_reach_the_bot_and_mistyped_ones_do(hand: Hand) -> None:
    assert all(commands().get(name) is None for name in COMMANDS)
    shown = await hand.types("/thnak @ben 1h")
    assert shown[0] == "Riverside | ana: /thnak @ben 1h"
    assert "Did you mean /thank" in shown[1]
    assert (await hand.types("/asleep"))[0] == "Riverside | ana: /asleep"
    assert (await hand.types("hello everybody")) == ["Riverside | ana: hello everybody"]
    assert await hand.types("") == []
    assert not await hand.typed("/quit")


async def test_what_is_said_cannot_command_the_terminal(hand: Hand) -> None:
    shown = await hand.types("hello \x1b[2J\x07 there\x9b")
    assert shown == ["Riverside | ana: hello ?[2J? there?"]
    assert all(character.isprintable() for line in hand.lines for character in line)


# --- like Matrix -------------------------------------------------------------------------------------------------


async def test_like_matrix_commands_begin_otherwise(element: Hand) -> None:
    assert await element.types("/thank @ben 1h") == ["-- Commands begin with “!” there: !thank @ben 1h"]
    assert await element.types("! thank you, ben") == ["Riverside | ana: ! thank you, ben"]
    shown = await element.types("!thnak @ben 1h")
    assert shown[0] == "Riverside | ana: !thnak @ben 1h"
    assert "Did you mean !thank" in shown[1]
    assert await element.types("/as chi") == ["-- You are chi now."]
    assert [text for text, _, _ in element.completions("!tha")] == ["!thank"]
    assert [text for text, _, _ in element.completions("/")] == [f"/{name}" for name in COMMANDS]
    assert (await element.types("/matrix"))[0].startswith("-- You are in the group Riverside (Matrix)")
    assert (await element.types("!join"))[0] == "Riverside (Matrix) | chi: !join"


async def test_like_matrix_numbers_stand_in_the_message_and_the_newest_is_chosen(element: Hand) -> None:
    shown = await element.types("!thank @ben 1h30 fixed the bike")
    assert "Riverside | bot: Ben helped Ana: 1 h 30. (No. 1) / 1️⃣ My balance   2️⃣ Undo" in shown
    await element.types("!menu")
    # What a pop-up would tell goes to the private chat.
    assert await element.types("[1]") == [
        "Riverside | ana chooses 1️⃣ What waits for me",
        "ana (dm) | bot: What waits for you / 2 custodians of the committee's copies are missing. / 1️⃣ How it works",
    ]
    assert (await element.types("[2 Thank somebody]"))[0] == "Riverside | ana chooses 2️⃣ Thank somebody"
    assert (await element.types("[Undo]"))[0] == "Riverside | ana chooses 2️⃣ Undo"
    assert await element.types("[9]") == ["-- ana sees no button [9]."]
    assert await element.types("[0]") == ["-- ana sees no button [0]."]
    assert await element.types("[4 Undo]") == ["-- ana sees no button [4 Undo]."]


async def test_like_matrix_anybody_can_be_reached_in_private(element: Hand) -> None:
    await element.types("/as dan")
    await element.types("!join")
    assert await element.types("!balance") == ["Riverside | dan: !balance", "dan (dm) | bot: You have 0 min."]
    await element.types("/dm")
    assert await element.types("!balance") == ["dan (dm) | dan: !balance", "dan (dm) | bot: You have 0 min."]


# --- the other committee -------------------------------------------------------------------------------------------


async def test_you_go_to_the_other_committee_and_back(hand: Hand) -> None:
    assert await hand.types("/hillside") == [
        "-- You are dora now, in the group Hillside.",
        "-- gus and hana are members here; /hillside goes back.",
    ]
    assert hand.prompt == "dora in Hillside> "
    shown = await hand.types("/thank @gus 1h30 fixed the bike")
    assert "Hillside | bot: Gus helped Dora: 1 h 30. (No. 1)  [1 My balance] [2 Undo]" in shown
    assert (await hand.types("[2]"))[0] == "Hillside | dora presses [Undo]"
    assert (await hand.types("/as zoe"))[0] == "Hillside | zoe joins"
    assert await hand.types("/as chi") == ["-- You are chi now, in the group Riverside."]
    assert await hand.types("/as hana") == ["-- You are hana now, in the group Hillside."]
    assert await hand.types("/hillside") == ["-- You are ana now, in the group Riverside."]
    assert await hand.types("/hillside now") == ["-- Type /hillside alone: it goes to the other committee, and back."]


async def test_somebody_of_the_other_committee_speaks_while_you_are_here(hand: Hand) -> None:
    assert await hand.types("hillside/dora: hello") == ["Hillside | dora: hello"]
    shown = await hand.types("Hillside/gus (dm): /balance")
    assert shown == ["gus (dm) | gus: /balance", "gus (dm) | bot: You have 0 min."]
    assert await hand.types("hillside/Zoe joins") == ["Hillside | zoe joins"]
    assert await hand.types("hillside/dora: [Nope]") == ["-- Nobody sees a button [Nope] there."]
    assert await hand.types("hillside/dora > gus: hello") == ["-- gus has not said anything there yet."]
    assert await hand.types("hillside/dora:") == ["-- That cannot be carried out: nothing is said."]
    assert hand.prompt == "ana in Riverside> "
    # What only looks like that is said as it stands.
    assert await hand.types("hillside/dora says hello") == ["Riverside | ana: hillside/dora says hello"]
    assert await hand.types("and/or: hello") == ["Riverside | ana: and/or: hello"]


async def test_what_links_the_committees_can_be_cut_and_mended(hand: Hand) -> None:
    await hand.types("/hillside")
    assert await hand.types("/wire") == [
        "-- The wire is cut: what Riverside and Hillside say to each other is lost. /wire mends it."
    ]
    assert hand.practice.console.cut
    assert await hand.types("/wire") == ["-- The wire is mended. What was lost is asked for again."]
    assert not hand.practice.console.cut
    assert await hand.types("/wire now") == [
        "-- Type /wire alone: it cuts what links the two committees, and mends it."
    ]


# --- completion --------------------------------------------------------------------------------------------------


async def test_commands_names_and_buttons_are_completed(hand: Hand) -> None:
    def offered(before: str) -> list[str]:
        return [text for text, _, _ in hand.completions(before)]

    assert offered("/tha") == ["/thank"]
    assert offered("/as") == ["/askback", "/ask_fund", "/ask_fund_for", "/ask_together", "/as"]
    assert {"/thank", "/menu", "/as", "/skip", "/quit"} <= set(offered("/"))
    assert offered("/thank @") == ["@ana", "@ben", "@chi", "@eli"]
    assert offered("/thank @b") == ["@ben"]
    assert offered("/as c") == ["chi"]
    assert offered("hello") == []
    assert offered("/thank @ben 1h") == []
    await hand.types("/thank @ben 1h")
    assert offered("[") == ["[2]", "[1]"]
    assert offered("[un") == ["[2]"]
    assert hand.completions("[un")[0] == ("[2]", "Undo", 3)
    await hand.types("/dm")
    assert "/setup" not in offered("/s")


# --- what is shown -----------------------------------------------------------------------------------------------


def test_a_message_is_wrapped_below_itself_with_its_buttons_on_lines_of_their_own() -> None:
    found = rows("Riverside", "bot", "one two three four five six\n\nseven", ["[1 First]", "[2 Second]"], columns=40)
    assert ["".join(text for _, text in line).rstrip() for line in found] == [
        "Riverside | bot: one two three four five",
        "                 six",
        "",
        "                 seven",
        "                 [1 First] [2 Second]",
    ]


def test_without_a_width_a_message_is_one_line() -> None:
    [line] = rows("ben (dm)", "bot", "one\ntwo", ["[1 Yes]", "[2 No]"], columns=None)
    assert "".join(text for _, text in line) == "ben (dm) | bot: one / two  [1 Yes] [2 No]"


@pytest.mark.parametrize("width", [40, 80, 100])
async def test_no_line_is_longer_than_the_screen(tmp_path: Path, width: int) -> None:
    hand = Hand(width)
    await hand.begin(tmp_path)
    for line in ("/help", "/menu", "/thank @ben 1h30 " + "fixed the bike and " * 5, "/settings", "/thnak"):
        await hand.types(line)
    await hand.practice.close()
    assert max(map(len, hand.lines)) <= width
    assert max(max(map(len, terminal.greeting("ana", like))) for like in LIKENESSES.values()) <= 80


# --- through a pipe ----------------------------------------------------------------------------------------------


def piped(said: str, *options: str) -> subprocess.CompletedProcess[str]:
    """`solibot try` with this on its standard input."""
    return subprocess.run(
        [*TRY, *options], input=said, capture_output=True, text=True, cwd=ROOT, timeout=SECONDS_MAX, check=False
    )


def test_what_is_piped_in_is_said_and_nothing_else_is_printed() -> None:
    done = piped("/thank @ben 1h\n[1]\n/as ben\n[Nope]\n/dm\n/balance")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    shown = done.stdout.splitlines()
    assert shown[0] == "Riverside | ana: /thank @ben 1h"
    assert "Riverside | ana presses [My balance]" in shown
    assert "-- ben sees no button [Nope]." in shown
    assert shown[-1] == "ben (dm) | bot: You have 1 h."


def test_quit_ends_it_at_once() -> None:
    done = piped("/quit\n/thank @ben 1h\n")
    assert (done.returncode, done.stdout) == (0, "")


def test_data_that_is_kept_is_there_again(tmp_path: Path) -> None:
    folder = tmp_path / "kept" / "here"
    piped("/thank @ben 1h\n", "--data", str(folder))
    assert piped("/as ben\n/dm\n/balance\n", "--data", str(folder)).stdout.endswith("You have 1 h.\n")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.iterdir())


async def test_practice_that_was_ended_before_anybody_spoke_begins_the_next_time(tmp_path: Path) -> None:
    async def opened(*, empty: bool) -> bool:
        practice = await Practice.open(
            tmp_path, line=lambda *_: None, clock=FixedClock(SCRIPT_START), repeatable=True, empty=empty
        )
        try:
            return bool(await practice.app.database.read(inspection.committees))
        finally:
            await practice.close()

    assert not await opened(empty=True), "its file is there now, and nobody in it"
    assert await opened(empty=False)


def test_a_reader_that_has_seen_enough_is_no_fault() -> None:
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; printf '/menu\\n/help\\n/menu\\n/help\\n' | {' '.join(TRY)} | head -1"],
        capture_output=True, text=True, cwd=ROOT, timeout=SECONDS_MAX, check=False,
    )  # fmt: skip
    assert done.stdout == "Riverside | ana: /menu\n"
    assert done.stderr == ""


# --- at a terminal -----------------------------------------------------------------------------------------------


class Screen:
    """A program at a terminal of 80 columns, as a person sees and types it."""

    def __init__(self, *command: str, **environment: str) -> None:
        self.seen = ""
        leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 80, 0, 0))
        kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            command, stdin=follower, stdout=follower, stderr=follower, cwd=ROOT, start_new_session=True,
            env={**kept, "TERM": "xterm-256color", **environment},
        )  # fmt: skip
        os.close(follower)
        self._leader = leader

    def waits_for(self, words: str) -> None:
        """Read until these words are on the screen."""
        deadline = time.monotonic() + SECONDS_MAX
        while words not in plain(self.seen):
            assert time.monotonic() < deadline, f"{words!r} did not come: {plain(self.seen)!r}"
            self._read(0.1)

    def _read(self, seconds: float) -> None:
        if select.select([self._leader], [], [], seconds)[0]:
            with contextlib.suppress(OSError):
                read = os.read(self._leader, 65536).decode("utf-8", errors="replace")
                self.seen += read
                # A terminal answers where its cursor is.
                for _ in range(read.count("\x1b[6n")):
                    os.write(self._leader, b"\x1b[1;1R")

    def types(self, keys: str) -> None:
        """Press keys. What was seen before is forgotten."""
        self.seen = ""
        os.write(self._leader, keys.encode())

    def leaves(self) -> int:
        """Press Ctrl-D; the exit code."""
        return self.ends(pressing=b"\x04")

    def ends(self, *, pressing: bytes = b"") -> int:
        """Wait for the end; the exit code."""
        deadline = time.monotonic() + SECONDS_MAX
        while self.process.poll() is None:
            # Between two prompts a key such as Ctrl-D is not heard.
            os.write(self._leader, pressing)
            assert time.monotonic() < deadline, f"it goes on: {plain(self.seen)!r}"
            self._read(0.1)
        self._read(0)
        return self.process.returncode

    def close(self) -> None:
        """Let go of it."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._leader)


def plain(seen: str) -> str:
    """The words without what moves the cursor or colours them."""
    return re.sub(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[=>]|\][^\x07]*\x07)", "", seen)


@contextlib.contextmanager
def at_terminal(*options: str, **environment: str) -> Iterator[Screen]:
    """`solibot try` at a terminal."""
    screen = Screen(*TRY, *options, **environment)
    try:
        yield screen
    finally:
        screen.close()


def test_at_a_terminal_you_are_greeted_and_can_talk(tmp_path: Path) -> None:
    with at_terminal(TMPDIR=str(tmp_path)) as screen:
        screen.waits_for("/quit     leave")
        screen.waits_for("ana in Riverside> ")
        assert len(list(tmp_path.iterdir())) == 1
        screen.types("/thank @ben 1h30 fixed the bike\r")
        screen.waits_for("Riverside | bot: Ben helped Ana: 1 h 30. (No. 1)")
        screen.waits_for("[1 My balance] [2 Undo]")
        screen.types("[1]\r")
        screen.waits_for("ana (tap) | bot: You have -1 h 30.")
        screen.types("/as ben\r")
        screen.waits_for("ben in Riverside> ")
        screen.types("/quit\r")
        assert screen.ends() == 0
    # The practice data is gone.
    assert list(tmp_path.iterdir()) == []


def test_names_are_completed_with_the_tabulator_and_lines_come_again() -> None:
    with at_terminal() as screen:
        screen.waits_for("ana in Riverside> ")
        screen.types("/tha")
        screen.waits_for("Thank someone with your time")
        screen.types("\t @be")
        screen.waits_for("@ben")
        screen.types("\t 45m\r")
        screen.waits_for("Ben helped Ana: 45 min. (No. 1)")
        screen.waits_for("ana in Riverside> ")
        screen.types("\x1b[A\r")
        screen.waits_for("[3 My balance] [4 Undo]")
        assert screen.leaves() == 0


def test_colours_stand_beside_words_and_can_be_turned_off() -> None:
    with at_terminal(NO_COLOR="1") as screen:
        screen.waits_for("ana in Riverside> ")
        screen.types("/menu\r")
        screen.waits_for("[1 What waits for me]")
        assert screen.leaves() == 0
        colours = re.findall(r"\x1b\[([0-9;]*)m", screen.seen)
        assert not any(30 <= int(number or 0) <= 37 for colour in colours for number in colour.split(";"))
    with at_terminal(TERM="dumb") as screen:
        screen.waits_for("ana in Riverside> ")
        screen.types("/menu\r")
        screen.waits_for("[1 What waits for me]")
        screen.types("/quit\r")
        assert screen.ends() == 0
        assert "\x1b" not in screen.seen


def test_control_c_explains_and_a_closed_window_leaves_nothing_behind(tmp_path: Path) -> None:
    with at_terminal(TMPDIR=str(tmp_path)) as screen:
        screen.waits_for("ana in Riverside> ")
        screen.types("\x03")
        screen.waits_for("-- To leave, type /quit")
        screen.process.send_signal(signal.SIGHUP)
        assert screen.ends() == 128 + signal.SIGHUP
    assert list(tmp_path.iterdir()) == []


async def test_a_stopped_job_leaves_nothing_behind(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *TRY, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"hello\n")
    assert await asyncio.wait_for(process.stdout.readline(), SECONDS_MAX) == b"Riverside | ana: hello\n"
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), SECONDS_MAX) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []
