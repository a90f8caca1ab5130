"""No sequence of commands by one bad organizer gets the committee's authority while everybody else only watches.

Every command of the registry is tried, with arguments made from the kinds it declares: so is what is added later.
"""

from __future__ import annotations

import atexit
import shutil
from collections import Counter
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bot.arguments import ChoiceKind, PersonKind
from bot.chat import Chat, ChatId, Departure, Document, Message, Press
from bot.router import PROPOSED, Command, Parameter
from storage.database import Reader
from tests.test_fuzz import ALL, GROUP, MEMBERS, NAMES, World, private_chat, sender

BAD = ("ana", "ben")
"""Who set the committee up, and the second organizer: either of them turns."""
OTHER = "mal"
"""A second account of theirs, which comes and goes; with one more voice they are still no majority."""
FARTHER = Chat(id=ChatId("console:group:Farther"), private=False, title="Farther")
CHANGING = frozenset({"seen_on", "asked_on", "vanished_on", "newcomer_until_us"})
"""What time alone changes on a member's row."""


# --- lines for every command, from its declaration ----------------------------------------------------------------

_people = st.sampled_from(["@ana", "@ben", "@chi", "@eli", f"@{OTHER}", "chi", "Eli"])
_WORDS = (
    "1h|2h30|1|2|3|off|on|end|yes|no|2w|60d|3 months|es|de|Madrid|care|organizer|founder|treasurer|open|vouched|"
    "decided|22:00|mon 19:00|KQ7M-4MX9|KQ7M4MX9"
)
_words = st.sampled_from(_WORDS.split("|"))
_notes = st.sampled_from(["soup", "Rosa", "Benny", "a few words", "name\nRosa\nSam", "@ana", "1 2 3"])


def _argument(parameter: Parameter) -> st.SearchStrategy[str]:
    """Something that the kind reads, most of the time."""
    kind = parameter.kind
    if isinstance(kind, PersonKind):
        return _people
    if isinstance(kind, ChoiceKind):
        return st.sampled_from(sorted(kind._choices.values()))
    if kind.rest:
        return _notes | _people
    example = kind.example if isinstance(kind.example, str) else kind.example.one
    return st.sampled_from([example]) | _words


def _line(command: Command) -> st.SearchStrategy[str]:
    """The command with arguments, some of those that can be left out missing, sometimes with a wild one."""
    parts = [
        _argument(parameter) if parameter.required else st.just("") | _argument(parameter)
        for parameter in command.parameters
    ]
    wild = st.just("") | _words | _people
    return st.tuples(*parts, wild).map(lambda words: " ".join([f"/{command.name}", *(word for word in words if word)]))


LINES = st.sampled_from(sorted(ALL._commands.values(), key=lambda command: command.name)).flatmap(_line)


class BadOrganizer(RuleBasedStateMachine):
    """One of two organizers says and presses whatever there is; the others do nothing at all."""

    template: Path | None = None

    @initialize(bad=st.sampled_from(BAD))
    def begin(self, bad: str) -> None:
        """A committee of four with hours in its books, and what nobody else may change."""
        if BadOrganizer.template is None:
            made = World(Path(mkdtemp(prefix="solibot-test-")))
            made.run(made.hear())
            for n, (who, text) in enumerate(
                [("ana", "/thank @chi 2h"), ("ben", "/thank @eli 1h"), ("chi", "/thank @ana 1h")]
            ):
                made.run(
                    made.hear(
                        Message(
                            event=f"b{n}", at=made.clock(), chat=GROUP, sender=sender(who), text=text, message=f"b{n}"
                        )
                    )
                )
            made.close()
            BadOrganizer.template = made.folder
            atexit.register(shutil.rmtree, made.folder, ignore_errors=True)
        self.folder = Path(mkdtemp(prefix="solibot-test-"))
        shutil.copytree(BadOrganizer.template, self.folder, dirs_exist_ok=True)
        self.world = World(self.folder)
        self.bad = bad
        # What was recorded before can no longer be undone.
        self.world.run(self.world.practice.skip(timedelta(days=1)))
        self.before = self.world.ask(self.look)

    def teardown(self) -> None:
        """Shut and remove it."""
        if hasattr(self, "world"):
            assert self.world.incidents == 0
            self.world.books_are_sound()
            self.world.close()
            shutil.rmtree(self.folder)

    # --- what the bad one does -------------------------------------------------------------------------------

    def chats(self, who: str) -> list[Chat]:
        """Where somebody may write."""
        return [GROUP, private_chat(who), FARTHER]

    @rule(
        line=LINES,
        other=st.booleans(),
        where=st.integers(0, 2),
        reply=st.none() | st.sampled_from(MEMBERS),
        manages=st.booleans(),
    )
    def says(self, line: str, other: bool, where: int, reply: str | None, manages: bool) -> None:
        """Any command there is."""
        who = OTHER if other else self.bad
        number = next(self.world.events)
        said = Message(
            event=f"s{number}",
            at=self.world.clock(),
            chat=self.chats(who)[where],
            sender=sender(who),
            text=line,
            message=f"m{number}",
            reply_to=sender(reply) if reply else None,
            manages_chat=manages,
            document=Document(name="list.csv", text="name\nRosa\nSam") if number % 7 == 0 else None,
        )
        self.world.run(self.world.hear(said))

    @rule(newest=st.integers(1, 12), other=st.booleans(), where=st.integers(0, 2), manages=st.booleans())
    def presses(self, newest: int, other: bool, where: int, manages: bool) -> None:
        """Any button that was shown anywhere, also one that is for others."""
        shown = [
            key.token for posted in self.world.practice.console.posted.values() for row in posted.keys for key in row
        ]
        if shown:
            self.press(shown[-newest % len(shown)], OTHER if other else self.bad, where, manages)

    @rule(name=st.sampled_from(NAMES), other=st.booleans(), where=st.integers(0, 2), manages=st.booleans())
    def presses_nothing_shown(self, name: str, other: bool, where: int, manages: bool) -> None:
        """A button that nobody showed: any command without arguments."""
        self.press(f"~{name}", OTHER if other else self.bad, where, manages)

    def press(self, token: str, who: str, where: int, manages: bool) -> None:
        """Press it."""
        event = f"p{next(self.world.events)}"
        chat = self.chats(who)[where]
        now = self.world.clock()
        self.world.run(
            self.world.hear(
                Press(
                    event=event, at=now, chat=chat, sender=sender(who), token=token, message=None, manages_chat=manages
                )
            )
        )

    @rule(other=st.booleans())
    def connects_accounts(self, other: bool) -> None:
        """Two accounts of theirs become one person, by a code that really is theirs."""
        one, two = (OTHER, self.bad) if other else (self.bad, OTHER)
        said = self.tell(one, "/connect", private_chat(one))
        codes = [word for text in said for word in text.replace("\n", " ").split() if len(word) == 9 and word[4] == "-"]
        for code in codes[:1]:
            self.tell(two, f"/connect {code}", private_chat(two))

    @rule(other=st.sampled_from([True, True, True, False]), again=st.booleans())
    def goes_and_comes(self, other: bool, again: bool) -> None:
        """Out of the group and in again."""
        who = OTHER if other else self.bad
        gone = Departure(event=f"d{next(self.world.events)}", at=self.world.clock(), chat=GROUP, person=sender(who))
        self.world.run(self.world.hear(gone))
        if again:
            self.tell(who, "/join", GROUP)

    @rule(command=st.sampled_from([c for c in ALL._commands.values() if c.allow in PROPOSED]), data=st.data())
    def tries_what_takes_others(self, command: Command, data: st.DataObject) -> None:
        """What takes others is said by both accounts, and agreed to by both."""
        line = data.draw(_line(command))
        for who in (self.bad, OTHER, self.bad):
            self.tell(who, line, GROUP)
        for number in range(1, 6):
            for who in (self.bad, OTHER):
                self.tell(who, f"/agree {number}", GROUP)

    @rule(days=st.sampled_from([1, 4, 8, 15, 40]))
    def waits(self, days: int) -> None:
        """Time passes; nobody else is seen."""
        self.world.run(self.world.practice.skip(timedelta(days=days)))

    def tell(self, who: str, text: str, chat: Chat) -> list[str]:
        """Say it; what the bot then posts."""
        console = self.world.practice.console
        before = set(console.posted)
        number = next(self.world.events)
        self.world.run(
            self.world.hear(
                Message(
                    event=f"t{number}",
                    at=self.world.clock(),
                    chat=chat,
                    sender=sender(who),
                    text=text,
                    message=f"t{number}",
                )
            )
        )
        return [posted.text for id_, posted in console.posted.items() if id_ not in before]

    # --- what must be true -----------------------------------------------------------------------------------

    async def look(self, tx: Reader) -> dict[str, Any]:
        """What takes the committee's authority, or is somebody else's own."""
        others = {
            id_: name
            for id_, name in await tx.all(
                """SELECT m.id, i.username FROM members m JOIN identities i ON i.person_id = m.person_id
                   WHERE m.committee_id = 1 LIMIT 1000"""
            )
            if name in MEMBERS and name != self.bad
        }
        columns = [name for _, name, *_ in await tx.all("PRAGMA table_info(members)") if name not in CHANGING]
        rows = await tx.all(f"SELECT {', '.join(columns)} FROM members WHERE committee_id = 1 ORDER BY id LIMIT 1000")
        roles = await tx.all(
            """SELECT r.member_id, r.role, r.term_us, r.until_us FROM roles r JOIN members m ON m.id = r.member_id
               WHERE m.committee_id = 1 ORDER BY r.id LIMIT 1000"""
        )
        mine = {id_ for (id_,) in await tx.all("SELECT id FROM members LIMIT 1000")} - others.keys()
        return {
            "committee": await tx.all("SELECT name, language, zone, floor_minutes FROM committees WHERE id = 1"),
            "rules": await tx.all("SELECT name, value FROM rules WHERE committee_id = 1 ORDER BY name LIMIT 1000"),
            "members": [dict(zip(columns, row, strict=True)) for row in rows if row[columns.index("id")] in others],
            "roles": [row for row in roles if row[0] in others],
            # What they hold themselves they may put down; more of it they cannot get.
            "held": Counter(role for member, role, _, until in roles if member in mine and until is None),
            "hours": {
                others[id_]: balance
                for id_, balance in await tx.all(
                    "SELECT member_id, balance FROM accounts WHERE committee_id = 1 LIMIT 1000"
                )
                if id_ in others
            },
        }

    @invariant()
    def nothing_is_changed_that_takes_others(self) -> None:
        """Rules, the others' standing and roles are as they were; nobody has fewer hours; no role was gained."""
        if not hasattr(self, "world"):
            return
        now = self.world.ask(self.look)
        for what in ("committee", "rules", "members", "roles"):
            assert now[what] == self.before[what], what
        assert now["held"] <= self.before["held"]
        assert now["hours"].keys() == self.before["hours"].keys()
        assert all(now["hours"][who] >= minutes for who, minutes in self.before["hours"].items())


TestBadOrganizer = BadOrganizer.TestCase
TestBadOrganizer.settings = settings(max_examples=max(8, settings().max_examples // 6), stateful_step_count=30)
