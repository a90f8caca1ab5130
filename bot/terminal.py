"""`solibot try`: the practice committee at a terminal, typed by hand, piped in, or as a script."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bot.adapters.console import (
    LIKENESSES,
    NETWORK,
    ConsoleAdapter,
    Likeness,
    NoSuchButton,
    NothingSaid,
    Posted,
    flat,
)
from bot.app import only_process
from bot.chat import Chat, Key
from bot.practice import (
    ADMINISTRATORS,
    GROUP,
    MATRIX,
    MEMBERS,
    ORGANIZERS,
    OTHER,
    OTHER_MEMBERS,
    OTHER_ORGANIZERS,
    OTHERS,
    SCRIPT_START,
    FixedClock,
    Practice,
    RunningClock,
    read_time,
    run_script,
    step,
    step_there,
)
from bot.router import Where
from bot.text import Reader, shown

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

NUMBERS_MAX = 99
"""Buttons are numbered up to this, then from 1 again."""
SKIP_MAX = timedelta(days=366)
LEAVING = (signal.SIGTERM, signal.SIGHUP)
"""What tells the program to end."""
TICK_SECONDS = 1.0
COLUMNS_MIN, COLUMNS_MAX = 40, 100

Style = Literal["place", "bot", "person", "button", "notice", ""]
Line = list[tuple[Style, str]]
"""One line of the screen, as runs of one style. Each style stands beside words that say the same."""

STYLES = {"place": "ansicyan", "bot": "bold", "person": "ansigreen", "button": "ansiyellow", "notice": "italic"}

COMMANDS = {
    "as": "Be somebody else: /as chi",
    "hillside": "To the group of a second, linked committee, and back.",
    "wire": "Cut what links the two committees, or mend it.",
    "dm": "To the private chat with the bot, and back.",
    "matrix": "To the group on a second network, and back: to try /connect.",
    "skip": "Let time pass: /skip 2d",
    "quit": "Leave.",
}
"""What the terminal itself understands; none of it reaches the bot."""

_OWN = re.compile(rf"/({'|'.join(COMMANDS)})(?:\s+(.*))?", re.DOTALL)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_PRESS = re.compile(r"\[\s*([^\]]+?)\s*\]")
_NUMBER = re.compile(r"([0-9]{1,2})(?:\s+(.+))?")
_CONTROLS = dict.fromkeys([*range(32), *range(127, 160)], "?")


def greeting(who: str, like: Likeness = LIKENESSES["telegram"]) -> list[str]:
    """The first words, a line each."""
    press = "choose number 1 of the newest" if like.numbered else "press the button numbered 1"
    return [
        f"{GROUP} is a practice committee: {' and '.join(ORGANIZERS)} organize it, {' and '.join(MEMBERS)} are",
        f"members. You are {who}, and what you type is said in the group. For example:",
        "",
        f"  {like.prefix}thank @ben 1h30 fixed the bike",
        "",
        f"  {like.prefix}menu     what the bot can do        [1]       {press}",
        "  /as chi   be somebody else           /skip 2d  let time pass",
        "  /dm       private chat, and back     /quit     leave",
        "",
        f"{OTHER} is a second committee, linked with {GROUP}:",
        f"  /hillside go there, and back         {OTHER.lower()}/{OTHER_ORGANIZERS[0]}: hello   or speak from here",
        "",
        "Here you see everybody's private chats; on a real network nobody does.",
        "",
    ]


def clean(text: str) -> str:
    """Words without what a terminal would obey."""
    return text.translate(_CONTROLS)


def rows(place: str, who: str, words: str, labels: Sequence[str], *, columns: int | None) -> list[Line]:
    """A message as lines: wrapped to so many columns, with the buttons below; or, without a limit, on one line."""
    first: Line = [("place", clean(place)), ("", " | "), ("bot" if who.startswith("bot") else "person", clean(who))]
    if columns is None:
        line: Line = [*first, ("", f": {clean(flat(words))}")]
        return [line + ([("", "  "), ("button", clean(" ".join(labels)))] if labels else [])]
    indent = sum(len(text) for _, text in first) + 2
    room = max(20, columns - indent)
    wrapped = [piece for raw in words.splitlines() for piece in textwrap.wrap(clean(raw), room) or [""]]
    lines: list[Line] = [[("", " " * indent), ("", text)] for text in wrapped or [""]]
    lines[0] = [*first, ("", f": {wrapped[0] if wrapped else ''}")]
    row = ""
    for label in labels:
        if row and len(row) + 1 + len(label) > room:
            lines.append([("", " " * indent), ("button", row)])
            row = ""
        row = f"{row} {clean(label)}".strip()
    return [*lines, [("", " " * indent), ("button", row)]] if row else lines


class Terminal:
    """Who you are, where you are, and which buttons there are. `show` prints a line; `columns` is asked each time."""

    def __init__(
        self,
        show: Callable[[Line], None],
        *,
        columns: Callable[[], int | None],
        echo: bool = True,
        like: Likeness = LIKENESSES["telegram"],
    ) -> None:
        self._show = show
        self._columns = columns
        self._echo = echo
        self._like = like
        self._practice: Practice | None = None
        self._buttons: dict[int, tuple[ConsoleAdapter, str, Key]] = {}
        self._number = 0
        self._turn = asyncio.Lock()
        self.who = ORGANIZERS[0]
        self.private = False
        self.network = NETWORK
        self.place = GROUP
        """The committee whose group you are in, or were before you went to a private chat."""

    async def begin(self, folder: Path) -> None:
        """Open or begin the practice committee."""
        self._practice = await Practice.open(
            folder, line=self._line, clock=RunningClock(), repeatable=False, like=self._like
        )

    @property
    def practice(self) -> Practice:
        """The committee."""
        assert self._practice is not None, "begin first"
        return self._practice

    @property
    def prompt(self) -> str:
        """Who you are and where, before what you type."""
        if self.network == NETWORK:
            return f"{self.who} (dm)> " if self.private else f"{self.who} in {self.place}> "
        title = self._console.title(self._chat.id)
        return f"{title}> " if self.private else f"{self.who} in {title}> "

    @property
    def _console(self) -> ConsoleAdapter:
        return self.practice.networks[self.network]

    @property
    def _chat(self) -> Chat:
        return self._console.somebody(self.who).private if self.private else self._group

    @property
    def _group(self) -> Chat:
        return self._console.group(self.place)

    def notice(self, text: str) -> None:
        """Words of the terminal itself."""
        self._show([("notice", f"-- {clean(text)}")])

    async def typed(self, line: str) -> bool:
        """Carry out a line. False: it was the last."""
        line = line.strip()
        async with self._turn:
            if found := _OWN.fullmatch(line):
                return await self._own(found[1], (found[2] or "").strip())
            if pressed := _PRESS.fullmatch(line):
                await self._press(pressed[1])
            elif (elsewhere := step_there(line)) is not None:
                await self._step(elsewhere)
            elif (local := self._console.local(line)) != line:
                self.notice(f"Commands begin with “{self._console.prefix}” there: {local}")
            elif line:
                await self.practice.say(self.who, line, self._chat)
        return True

    async def tick(self) -> None:
        """Let happen what has fallen due by itself."""
        async with self._turn:
            await self.practice.app.dispatcher.tick(self.practice.clock())

    # --- the terminal's own commands -------------------------------------------------------------------------

    async def _own(self, command: str, rest: str) -> bool:
        match command:
            case "as":
                await self._be(rest)
            case "hillside":
                await self._go_over(rest)
            case "wire":
                await self._wire(rest)
            case "dm":
                self._move(rest)
            case "matrix":
                self._change_network(rest)
            case "skip":
                await self._skip(rest)
            case _:
                return False
        return True

    async def _be(self, name: str) -> None:
        name = name.removeprefix("@").lower()
        if not _NAME.fullmatch(name) or name == "bot":
            self.notice("Who? Type a name, such as /as chi")
            return
        place = self._place_of(name)
        moves = place is not None and place != self.place and self.network == NETWORK
        if place is not None and moves:
            await self._enter(place)
        new = name not in self._console.people
        self.who = name
        if new:
            await self._console.arrive(name, self._group)
            await self.practice.settle()
            self.notice(f"You are {name}, who is new in the group. /join makes {name} a member.")
        else:
            self.notice(f"You are {name} now, in the group {self.place}." if moves else f"You are {name} now.")

    @staticmethod
    def _place_of(name: str) -> str | None:
        """The committee of somebody who was there from the beginning."""
        return OTHER if name in OTHERS else GROUP if name in (*ORGANIZERS, *MEMBERS) else None

    async def _enter(self, place: str) -> None:
        """Be in the group of this committee."""
        if place == OTHER:
            await self.practice.begin_linked()
        self.place, self.private = place, False

    async def _go_over(self, rest: str) -> None:
        if rest:
            self.notice("Type /hillside alone: it goes to the other committee, and back.")
            return
        self.network = NETWORK
        await self._be(ORGANIZERS[0] if self.place == OTHER else OTHER_ORGANIZERS[0])
        if self.place == OTHER:
            members = " and ".join(OTHER_MEMBERS)
            self.notice(f"{members} are members here; /hillside goes back.")

    async def _wire(self, rest: str) -> None:
        if rest:
            self.notice("Type /wire alone: it cuts what links the two committees, and mends it.")
            return
        cut = not self.practice.console.cut
        await self.practice.cut_wire(cut)
        if cut:
            self.notice(f"The wire is cut: what {GROUP} and {OTHER} say to each other is lost. /wire mends it.")
        else:
            self.notice("The wire is mended. What was lost is asked for again within some ten minutes: /skip 20m")

    async def _step(self, line: str) -> None:
        """Somebody of one of the committees does something, whoever you are and wherever."""
        try:
            await step(self.practice, line)
        except NoSuchButton as error:
            self.notice(f"Nobody sees a button [{error}] there.")
        except NothingSaid as error:
            self.notice(f"{error} has not said anything there yet.")
        except ValueError as error:
            self.notice(f"That cannot be carried out: {error}.")

    def _move(self, rest: str) -> None:
        if rest:
            self.notice("Type /dm alone: it goes to the private chat, and back.")
            return
        self.private = not self.private
        group = self._console.title(self._group.id)
        where = f"{self.who}'s private chat with the bot; /dm goes back" if self.private else f"the group {group}"
        self.notice(f"You are in {where}.")

    def _change_network(self, rest: str) -> None:
        if rest:
            self.notice("Type /matrix alone: it goes to the second network, and back.")
            return
        self.network, self.private, self.place = NETWORK if self.network == MATRIX else MATRIX, False, GROUP
        title = self._console.title(self._chat.id)
        back = "; /matrix goes back. Your account there is another one" if self.network == MATRIX else ""
        self.notice(f"You are in the group {title}{back}.")

    async def _skip(self, rest: str) -> None:
        time = read_time(rest)
        if time is None or time > SKIP_MAX:
            self.notice("How long? Such as /skip 2d or /skip 1h 30m; a year at most.")
            return
        await self.practice.skip(time)
        self.notice(f"It is {self.practice.clock():%A %d %B %Y, %H:%M} UTC now.")

    async def _press(self, label: str) -> None:
        number = _NUMBER.fullmatch(label)
        if number and self._console.numbered:
            found = self._chosen(int(number[1]))
        else:
            found = self._buttons.get(int(number[1])) if number else None
        if number and found and number[2] in (None, found[2].label):
            console, message, key = found
            posted = console.posted[message]
            if console is not self._console or posted.chat not in self._visible:
                self.notice(f"{self.who} does not see that button: it is in {console.title(posted.chat)}.")
            elif not any(key.token == there.token for row in posted.keys for there in row):
                self.notice("That button is not there any more. Look at the newest messages.")
            else:
                await console.press_key(self.who, key, message, manages_chat=self.who in ADMINISTRATORS)
                await self.practice.settle()
            return
        try:
            await self.practice.press(self.who, label, within=self._group)
        except NoSuchButton:
            self.notice(f"{self.who} sees no button [{label}].")

    def _chosen(self, number: int) -> tuple[ConsoleAdapter, str, Key] | None:
        """The newest button of that number, where buttons are numbered under each message."""
        shown = sorted(self._console.posted.items(), key=lambda item: -item[1].order)
        for message, posted in shown:
            keys = [key for row in posted.keys for key in row]
            if posted.chat in self._visible and len(keys) >= number > 0:
                return self._console, message, keys[number - 1]
        return None

    @property
    def _visible(self) -> tuple[str, str]:
        """The chats in which somebody sees buttons where they are now."""
        return self._group.id, self._console.somebody(self.who).private.id

    # --- what is said ----------------------------------------------------------------------------------------

    def _line(self, where: str, what: str) -> None:
        who, colon, words = what.partition(": ")
        labels: list[str] = []
        if not colon:
            self._show([("place", clean(where)), ("", " | "), ("person", clean(what))])
            return
        if who == "bot ends the poll":
            # What that says stands in no message.
            pass
        elif who.startswith("bot") and not where.endswith(" (tap)"):
            # The transcript has a message on one line and its buttons without numbers: look at the message itself.
            console, message, posted = self._newest(where)
            words = posted.text
            keys = [] if console.numbered else [key for row in posted.keys for key in row]
            labels = [self._numbered(console, message, key) for key in keys]
        elif who == self.who and not self._echo:
            return
        for line in rows(where, who, words, labels, columns=self._columns()):
            self._show(line)

    def _newest(self, where: str) -> tuple[ConsoleAdapter, str, Posted]:
        """The newest message that the bot has posted there."""
        return max(
            (
                (console, message, posted)
                for console in self.practice.networks.values()
                for message, posted in console.posted.items()
                if console.title(posted.chat) == where
            ),
            key=lambda found: found[2].order,
        )

    def _numbered(self, console: ConsoleAdapter, message: str, key: Key) -> str:
        self._number = self._number % NUMBERS_MAX + 1
        self._buttons[self._number] = (console, message, key)
        return f"[{self._number} {key.label}]"

    # --- completion ------------------------------------------------------------------------------------------

    def completions(self, before: str) -> list[tuple[str, str, int]]:
        """What may follow what is typed: the words, what they mean, and how many characters they replace."""
        if re.fullmatch(r"[/!]\w*", before):
            return [(name, help_, len(before)) for name, help_ in self._commands() if name.startswith(before)]
        word = re.split(r"\s", before)[-1]
        people = sorted(self.practice.console.people)
        if re.fullmatch(r"/as\s+\w*", before):
            return [(name, "", len(word)) for name in people if name.startswith(word)]
        if word.startswith("@"):
            return [(f"@{name}", "", len(word)) for name in people if f"@{name}".startswith(word)]
        if before.startswith("[") and "]" not in before:
            return [
                (f"[{number}]", key.label, len(before))
                for number, (console, message, key) in reversed(self._buttons.items())
                if console is self._console
                and console.posted[message].chat in self._visible
                and (f"[{number}]".startswith(before) or f"[{key.label}]".lower().startswith(before.lower()))
            ]
        return []

    def _commands(self) -> list[tuple[str, str]]:
        where = Where.PRIVATE if self.private else Where.GROUP
        bot = [
            (f"{self._console.prefix}{command.name}", shown(command.help, Reader()))
            for command in self.practice.app.commands.listed(where=where)
        ]
        return [*bot, *((f"/{name}", help_) for name, help_ in COMMANDS.items())]


# --- the ways to try -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def practice_folder(data: Path | None) -> Iterator[Path]:
    """The folder that keeps the practice data, or one that is gone afterwards.

    Raises BlockingIOError where another process uses it.
    """
    _leave_on_signals()
    if data is None:
        with tempfile.TemporaryDirectory(prefix="solibot-") as name:
            yield Path(name)
        return
    data.mkdir(parents=True, exist_ok=True)
    with only_process(data):
        yield data


def _leave_on_signals() -> None:
    """A closed window or a stopped job must not leave the temporary folder behind."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    for number in LEAVING:
        signal.signal(number, leave)


async def by_script(folder: Path, script: str, like: Likeness = LIKENESSES["telegram"]) -> int:
    """Carry out a script and print its transcript. Returns how often the bot failed. Raises NotUnderstood."""
    with _left_by_signals():
        practice = await Practice.open(
            folder,
            line=lambda where, what: _print(f"{clean(where)} | {clean(what)}"),
            clock=FixedClock(SCRIPT_START),
            repeatable=True,
            like=like,
        )
        try:
            await run_script(practice, script)
        finally:
            await practice.close()
        return practice.app.dispatcher.incidents


async def by_hand(folder: Path, like: Likeness = LIKENESSES["telegram"]) -> int:
    """Let somebody at the terminal, or a pipe, speak. Returns how often the bot failed."""
    eyes = sys.stdin.isatty() and sys.stdout.isatty()
    with _left_by_signals() as reading:
        if eyes and os.environ.get("TERM", "dumb") not in ("dumb", "unknown"):
            return await _by_prompt(folder, like)
        return await _by_lines(folder, like, reading, eyes=eyes)


Reading = Callable[[], contextlib.AbstractContextManager[None]]
"""Opens a context in which nothing but input is waited for, and the event loop stands still."""


@contextlib.contextmanager
def _left_by_signals() -> Iterator[Reading]:
    """Within, a signal ends this task where it waits for something, and the program with it.

    What a signal raises just anywhere may come up in another task, for which somebody then waits for ever, or where
    Python swallows it: in the callback of a weak reference, say.
    """
    loop, me = asyncio.get_running_loop(), asyncio.current_task()
    assert me is not None
    left_by: list[int] = []

    def leave(number: int) -> None:
        if not left_by:
            left_by.append(number)
            me.cancel()

    def leave_at_once(number: int, _: object) -> None:
        if not left_by:
            left_by.append(number)
            raise SystemExit(128 + number)

    @contextlib.contextmanager
    def reading() -> Iterator[None]:
        before = {number: signal.signal(number, leave_at_once) for number in LEAVING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    for number in LEAVING:
        loop.add_signal_handler(number, leave, number)
    try:
        yield reading
    except asyncio.CancelledError:
        if not left_by:
            raise
        raise SystemExit(128 + left_by[0]) from None


async def _by_lines(folder: Path, like: Likeness, reading: Reading, *, eyes: bool) -> int:
    """Plain lines in and out: for pipes and for terminals that can do no more."""
    terminal = Terminal(
        lambda line: _print("".join(text for _, text in line)),
        columns=columns if eyes else lambda: None,
        echo=not eyes,
        like=like,
    )
    await terminal.begin(folder)
    try:
        for line in greeting(terminal.who, like) if eyes else ():
            _print(line)
        more = True
        while more:
            if eyes:
                print(terminal.prompt, end="", flush=True)
            # Nothing else is under way, so the loop may wait.
            with reading():
                line = sys.stdin.readline()
            more = bool(line) and await terminal.typed(line)
    finally:
        await terminal.practice.close()
    return terminal.practice.app.dispatcher.incidents


async def _by_prompt(folder: Path, like: Likeness) -> int:
    from prompt_toolkit import print_formatted_text
    from prompt_toolkit.formatted_text import FormattedText
    from prompt_toolkit.patch_stdout import patch_stdout
    from prompt_toolkit.styles import Style as Styles

    styles = Styles.from_dict(STYLES)

    def show(line: Line) -> None:
        print_formatted_text(
            FormattedText([(f"class:{style}" if style else "", text) for style, text in line]), style=styles
        )

    terminal = Terminal(show, columns=columns, like=like)
    await terminal.begin(folder)
    session = _session(terminal)
    with patch_stdout():
        for words in greeting(terminal.who, like):
            show([("", words)])
        ticking = asyncio.create_task(_tick(terminal))
        try:
            more = True
            while more:
                try:
                    more = await terminal.typed(await session.prompt_async(lambda: [("class:person", terminal.prompt)]))
                except KeyboardInterrupt:
                    terminal.notice("To leave, type /quit")
                except EOFError:
                    more = False
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)
            await terminal.practice.close()
    return terminal.practice.app.dispatcher.incidents


def _session(terminal: Terminal) -> PromptSession[str]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import Completer, Completion
    from prompt_toolkit.history import InMemoryHistory
    from prompt_toolkit.styles import Style as Styles

    class Names(Completer):
        def get_completions(self, document: Any, complete_event: Any) -> Iterator[Completion]:
            for text, meaning, replaced in terminal.completions(document.text_before_cursor):
                yield Completion(text, start_position=-replaced, display_meta=meaning)

    return PromptSession(
        completer=Names(),
        # What was typed is in no file.
        history=InMemoryHistory(),
        # What was said is shown again as the group sees it.
        erase_when_done=True,
        reserve_space_for_menu=6,
        style=Styles.from_dict(STYLES),
    )


async def _tick(terminal: Terminal) -> None:
    while True:
        await asyncio.sleep(TICK_SECONDS)
        await terminal.tick()


def columns() -> int:
    """How wide lines may be now."""
    return min(COLUMNS_MAX, max(COLUMNS_MIN, shutil.get_terminal_size().columns))


def _print(line: str) -> None:
    try:
        print(line, flush=True)
    except BrokenPipeError:
        # Whoever read (`| head`) has seen enough; what is still to be said goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
