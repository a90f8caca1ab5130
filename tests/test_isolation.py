"""Nobody in one committee changes or sees anything of another, whatever they say: every command that there is."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import typing
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.adapters.console import Somebody
from bot.app import commands
from bot.arguments import PersonKind
from bot.chat import Button, Chat, Press, Saying, Sender
from bot.practice import DATABASE, MEMBERS, ORGANIZERS, SCRIPT_START, FixedClock, Practice
from bot.router import Command
from bot.text import Reader as For
from storage import buttons
from storage.database import Reader, Row, Transaction
from tests.conftest import two_decide

EVERY = commands()
WHOLE = os.environ.get("SOLIBOT_WHOLE", "") == "1"
"""Whether each run tries everything, as the long one does; else of what is nearly the same it tries a part."""
NAMES = sorted(command.name for router in EVERY.routers for command in router.commands)
TYPED = [name for name in NAMES if (found := EVERY.get(name)) is not None and (found.typed or name == "policy_change")]
"""What can be typed, and one of those that cannot: to the one who types them they are all the same, unknown."""
SECRETS = re.compile("Zwetschgenmus|Yggdrasil|Hillside|Quittengelee", re.IGNORECASE)
OPEN_TO_WHOEVER_IS_THERE = {"join", "setup", "agree_and_join"}
"""Their buttons are for people who are no members yet; whoever has one was shown it in that group."""

OF_TABLES = {
    "case": "cases",
    "reply": "cases",
    "appeal": "cases",
    "care": "care",
    "post": "posts",
    "item": "items",
    "promise": "promises",
    "resource": "resources",
    "purpose": "purposes",
    "booking": "bookings",
    "stock": "stock",
    "fund_need": "fund_needs",
    "order": "orders",
    "order_cost": "order_costs",
    "order_slot": "order_slots",
    "unit": "units",
    "task_kind": "task_kinds",
    "rota_task": "rota_tasks",
    "task_skill": "rota_tasks",
    "handover": "assignments",
    "skill": "skills",
    "alert": "alerts",
    "alert_area": "alerts",
    "alert_kind": "alert_kinds",
    "alert_question": "alert_questions",
    "alert_meet": "alerts",
    "alert_exact": "alerts",
    "alert_debrief": "alert_debriefs",
    "legal_contact": "legal_contacts",
    "alert_update": "alert_events",
    "poll": "polls",
    "option": "poll_options",
    "objection": "objections",
    "outcome": "polls",
    "outcome_task": "outcome_tasks",
    "straw": "straws",
    "straw_option": "straw_options",
    "survey_question": "survey_questions",
    "survey_option": "survey_options",
    "survey_answer": "survey_answers",
    "linked_poll": "linked_polls",
    "pattern": "poll_patterns",
    "pattern_name": "poll_patterns",
}
"""The rows whose words are notes, where they are not exchanges."""


@dataclass(slots=True)
class Called(Somebody):
    """A person whose name is not their username."""

    called: str = ""

    @property
    def sender(self) -> Sender:
        """As a network would tell of them."""
        return replace(Somebody(self.username, network=self.network, like=self.like).sender, name=self.called)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the schema. `refers`: which of its columns mean which column of which table."""

    name: str
    columns: list[str]
    refers: list[tuple[int, tuple[str, str]]]


async def tables_of(tx: Reader) -> list[Table]:
    """All tables that the schema has."""
    found = []
    for (name,) in await tx.all("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"):
        if not name.startswith("sqlite_"):
            columns = [column for (column,) in await tx.all(f"SELECT name FROM pragma_table_info('{name}')")]
            refers = await tx.all(f'SELECT "from", "table", "to" FROM pragma_foreign_key_list(\'{name}\')')
            there = [(columns.index(column), (to, key or "id")) for column, to, key in refers]
            found.append(Table(name, columns, there))
    return found


class Two:
    """Riverside, and Hillside with zoe and yan, who are in no other committee. Hillside came later and has more."""

    def __init__(self, practice: Practice, transcript: list[tuple[str, str]]) -> None:
        self.practice = practice
        self.transcript = transcript
        self.other = practice.console.group("Hillside")
        self.ids: dict[str, list[int]] = {}
        self.tables: list[Table] = []
        self.made: list[str] = []
        """Tokens that the test has made for Hillside."""

    async def begin(self) -> None:
        """Let Hillside have members, exchanges with notes, and an open proposal."""
        console = self.practice.console
        console.people |= {"zoe": Called("zoe", called="Zwetschgenmus"), "yan": Called("yan", called="Yggdrasil")}
        await console.say("zoe", "/setup", self.other, manages_chat=True)
        await two_decide(self.practice.app.database)
        await console.say("yan", "/join", self.other)
        await console.say("zoe", "/organizer @yan", self.other)
        for who in ("zoe", "yan"):
            await console.say(who, "/start", console.somebody(who).private)
        await console.say("ana", "/thank @ben 1h", self.practice.group)
        for _ in range(5):
            await console.say("zoe", "/thank @yan 1h Quittengelee", self.other)
        await console.say("ana", "/offer bike repair", self.practice.group)
        for line in ("/need bike repair Quittengelee", "/offer bread Quittengelee"):
            await console.say("zoe", line, self.other)
        await console.say("yan", "/take 2", self.other)
        await console.say("ana", "/lend ladder, a week", self.practice.group)
        for line in ("/lend ladder Quittengelee, a week", "/lend drill Quittengelee, a week"):
            await console.say("zoe", line, self.other)
        await console.say("yan", "/borrow 2", self.other)
        for _ in range(2):
            await console.say("zoe", "/barter @yan Quittengelee for bread", self.other)
        for line in ("/share room hall", "/book hall tomorrow 10:00 2h", "/stock rice 12 kg", "/stock rice -1"):
            await console.say("ana", line, self.practice.group)
        for line in ("/share room Quittengelee", "/share tool drill Quittengelee", "/stock Quittengelee 12 kg"):
            await console.say("zoe", line, self.other)
        for line in ("/book 1 tomorrow 10:00 2h Quittengelee", "/book 2 tomorrow 10:00 2h", "/stock Quittengelee -1"):
            await console.say("yan", line, self.other)
        for who, line in (
            ("yan", "/contribute 2h"),
            ("yan", "/contribute 1h monthly"),
            ("zoe", "/urgent_cap 2h"),
            ("yan", "/urgent_cap 2h"),
            ("zoe", "/urgent 1h Quittengelee"),
        ):
            await console.say(who, line, self.other)
        await console.say("ana", "/order beans 2 each, minimum 1, until fri 18:00", self.practice.group)
        for line in (
            *(f"/order {what} Quittengelee 2 each, minimum 1, until fri 18:00" for what in ("jam", "rice")),
            *("/costs 1 3.00 Quittengelee equally", "/costs 2 3.00 Quittengelee equally"),
        ):
            await console.say("zoe", line, self.other)
        for line in ("/want 1 2", "/want 2 3"):
            await console.say("yan", line, self.other)
        for who, other, group, name in (
            ("ana", "ben", self.practice.group, "cleaning"),
            ("zoe", "yan", self.other, "Quittengelee"),
        ):
            await console.say(who, f"/class {name} unpleasant", group)
            await self.practice.settle()
            await console.press(other, "Agree", within=group, manages_chat=False)
        for who, group, name in (("ana", self.practice.group, "cleaning"), ("zoe", self.other, "Quittengelee")):
            await console.say(who, f"/task {name} tomorrow 10:00 2h crew 1-2 skill {name}", group)
            await console.say(who, "/shifts", group)
        await self.practice.settle()
        for who, group, label in (
            ("ben", self.practice.group, "I'll take it: Cleaning, Tue, Jan 6 10:00"),
            ("yan", self.other, "I'll take it: Quittengelee, Tue, Jan 6 10:00"),
        ):
            await console.press(who, label, within=group, manages_chat=False)
        for who, other, group, name in (
            ("ana", "ben", self.practice.group, "cleaning"),
            ("zoe", "yan", self.other, "Quittengelee"),
        ):
            await console.say(who, f"/skill {name} @{other}", group)
            await self.practice.settle()
            await console.press(other, "Agree", within=group, manages_chat=False)
            await console.say(other, f"/like {name} jam", group)
            await console.say(other, "/away 1 feb to 14 feb", group)
        await console.say("zoe", "/limit 12h", self.other)
        await console.say("zoe", "/rename Hillside Quittengelee", self.other)
        await self.practice.settle()
        self.ids = await self.practice.app.database.read(self._ids)
        self.tables = await self.practice.app.database.read(tables_of)

    async def _ids(self, tx: Reader) -> dict[str, list[int]]:
        async def of(sql: str) -> list[int]:
            return [value for (value,) in await tx.all(sql)]

        return {
            "members": await of("SELECT id FROM members WHERE committee_id = 2"),
            "numbers": sorted(
                {
                    2,
                    *await of("SELECT max(id) FROM transfers WHERE committee_id = 2"),
                    *await of("SELECT max(number) FROM transfers WHERE committee_id = 2"),
                    *await of("SELECT id FROM proposals WHERE committee_id = 2"),
                    *await of("SELECT number FROM proposals WHERE committee_id = 2"),
                    *await of("SELECT id FROM chats WHERE committee_id = 2"),
                    *await of("SELECT id FROM task_kinds WHERE committee_id = 2"),
                    *await of("SELECT id FROM rota_tasks WHERE committee_id = 2"),
                    *await of(
                        "SELECT s.id FROM shifts s JOIN rota_tasks k ON k.id = s.task_id WHERE k.committee_id = 2"
                    ),
                    *await of("SELECT id FROM skills WHERE committee_id = 2"),
                    *await of("SELECT max(id) FROM task_wishes"),
                    *await of("SELECT l.id FROM loans l JOIN items i ON i.id = l.item_id WHERE i.committee_id = 2"),
                    *await of("SELECT b.id FROM bookings b JOIN resources r ON r.id = b.resource_id WHERE r.id > 1"),
                    *await of(
                        "SELECT l.id FROM order_lines l JOIN orders o ON o.id = l.order_id WHERE o.committee_id = 2"
                    ),
                    *await of("SELECT max(id) FROM orders WHERE committee_id = 2"),
                    *await of("SELECT person_id FROM members WHERE committee_id = 2"),
                }
            ),
        }

    async def rows(self) -> dict[str, list[Row]]:
        """All that belongs to Hillside, its people and its chats, in every table."""

        async def ask(tx: Reader) -> dict[str, list[Row]]:
            owned: defaultdict[tuple[str, str], set[Any]] = defaultdict(set, {("committees", "id"): {2}})
            people_ = await tx.all("SELECT person_id FROM members WHERE committee_id = 2")
            owned["persons", "id"] = {id_ for (id_,) in people_}
            private = await tx.all(
                "SELECT private_chat_id FROM identities WHERE person_id IN (SELECT person_id FROM members"
                " WHERE committee_id = 2)"
            )
            owned["chats", "id"] = {id_ for (id_,) in private}
            found: dict[str, list[Row]] = {table.name: [] for table in self.tables}
            # Most tables are empty, and to ask all of them at once takes a tenth of asking each.
            each = ", ".join(f"EXISTS (SELECT 1 FROM {table.name})" for table in self.tables)
            used = await tx.one(f"SELECT {each}")
            assert used is not None
            tables = [table for table, there in zip(self.tables, used, strict=True) if there]
            everything = {table.name: await tx.all(f"SELECT * FROM {table.name}") for table in tables}
            looked: dict[str, list[tuple[int, set[Any]]]] = {}
            # What refers to something of theirs is theirs too, and so on.
            for _ in range(4):
                for table in tables:
                    at = [(place, owned[target]) for place, target in table.refers]
                    if "committee_id" in table.columns:
                        at.append((table.columns.index("committee_id"), {2}))
                    if table.name in ("committees", "persons", "chats"):
                        at.append((table.columns.index("id"), set(owned[table.name, "id"])))
                    if at == looked.get(table.name):
                        continue
                    looked[table.name] = at
                    found[table.name] = [
                        row for row in everything[table.name] if any(row[i] in values for i, values in at)
                    ]
                    if "id" in table.columns:
                        place = table.columns.index("id")
                        owned[table.name, "id"] = {row[place] for row in found[table.name]}
            notes = await tx.all("SELECT * FROM notes ORDER BY thing")
            things = [row[0].partition(":") for row in notes]
            found["notes"] = [
                row
                for row, (kind, _, id_) in zip(notes, things, strict=True)
                if (
                    id_.startswith("2:")  # the committee's, and the number of the entry
                    if kind == "decision"
                    else int(id_) in owned[OF_TABLES.get(kind, "transfers"), "id"]
                )
            ]
            return found

        return await self.practice.app.database.read(ask)

    def heard(self, since: int) -> tuple[str, str]:
        """What the bot has said since then to Riverside's people, and to Hillside's."""
        theirs = {self.practice.console.title(chat.id) for chat in self._chats()}
        said = [(where, what) for where, what in self.transcript[since:] if what.startswith("bot")]
        return (
            "\n".join(what for where, what in said if where not in theirs),
            "\n".join(what for where, what in said if where in theirs),
        )

    def _chats(self) -> Iterator[Chat]:
        yield self.other
        for who in ("zoe", "yan"):
            yield self.practice.console.somebody(who).private

    async def press(self, who: str, says: Saying, where: Chat, *, made_for: int) -> None:
        """Somebody presses a button with this on it, wherever they have it from."""

        async def made(tx: Transaction) -> str:
            row = ((Button(label="x", says=says),),)
            keys = await buttons.keys(tx, row, reader=For("en"), committee=made_for, now=self.practice.clock())
            return keys[0][0].token

        token = await self.practice.app.database.transact(made)
        if made_for == 2:
            # The row of the button itself is no part of what must stay as it is.
            self.made.append(token)
        await self.practice.app.dispatcher.handle(
            Press(
                event=f"test-{len(self.transcript)}-{token}-{who}-{where.id}",
                at=self.practice.clock(),
                chat=where,
                sender=self.practice.console.somebody(who).sender,
                token=token,
                message=None,
                manages_chat=True,
            )
        )
        await self.practice.settle()


async def opened(folder: Path) -> Two:
    """The practice that is, or is begun, in a folder."""
    transcript: list[tuple[str, str]] = []
    practice = await Practice.open(
        folder,
        line=lambda where, what: transcript.append((where, what)),
        clock=FixedClock(SCRIPT_START),
        repeatable=True,
    )
    await two_decide(practice.app.database)
    return Two(practice, transcript)


async def closed(two: Two) -> None:
    """Shut it. Nothing may have gone wrong inside."""
    assert two.practice.app.dispatcher.incidents == 0
    await two.practice.close()


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Two]:
    """Two committees in one bot, whose program has ended: their folder, and what is known of them.

    To begin them takes longer than most of what is tried then. So each test goes on with a copy of them.
    """
    folder = tmp_path_factory.mktemp("begun")

    async def begin() -> Two:
        both = await opened(folder)
        await both.begin()
        await closed(both)
        return both

    return folder, asyncio.run(begin())


@pytest_asyncio.fixture
async def two(begun: tuple[Path, Two], tmp_path: Path) -> AsyncIterator[Two]:
    """Two committees in one bot that has begun again, while its people still see what they saw."""
    folder, before = begun
    shutil.copyfile(folder / DATABASE, tmp_path / DATABASE)
    both = await opened(tmp_path)
    both.ids, both.tables = before.ids, before.tables
    now, then = both.practice.console, before.practice.console
    now.people, now.posted, now.pinned = deepcopy(then.people), {**then.posted}, {*then.pinned}
    await now.enter(both.practice.group, *ORGANIZERS, *MEMBERS)
    await now.enter(both.other, "zoe", "yan")
    await both.practice.settle()
    yield both
    await closed(both)


MORE = ("1h", "@yan", "1", "me")


def lines_of(command: Command, two: Two, whole: bool) -> Iterator[str]:
    """The command as it can be typed, with everything of Hillside that could be meant.

    Where not the whole is asked for: each number alone and with one word more, in turns; and people with all of them.
    """
    for word in ("", "@zoe", "zoe"):
        for more in ("", *MORE):
            yield f"/{command.name} {word} {more}".strip()
    for turn, number in enumerate(two.ids["numbers"]):
        # Each word more for two numbers running, since of two that are running each is said in another place.
        for more in ("", *(MORE if whole else [MORE[turn // 2 % len(MORE)]])):
            yield f"/{command.name} {number} {more}".strip()


def sayings(command: Command, two: Two, whole: bool) -> Iterator[Saying]:
    """The command as a button can carry it, with ids of Hillside in every place.

    Where not the whole is asked for: each number with one of the members, by turns.
    """
    members = two.ids["members"]
    for turn, number in enumerate([*two.ids["numbers"], *members]):
        for member in members if whole else [members[turn % len(members)]]:
            arguments: dict[str, Any] = {}
            for parameter in command.parameters:
                if isinstance(parameter.kind, PersonKind):
                    arguments[parameter.name] = member
                elif parameter.name == "carried":
                    carried = {"command": "organizer", "version": 1, "arguments": {"who": member}}
                    arguments[parameter.name] = carried
                else:
                    arguments[parameter.name] = number
            yield Saying(command=command.name, version=command.version, arguments=arguments)
            words = {
                name: value if isinstance(value, int) and name not in _words(command) else "off"
                for name, value in arguments.items()
            }
            yield Saying(command=command.name, version=command.version, arguments=words)
            required = {parameter.name for parameter in command.parameters if parameter.required}
            few = {name: value for name, value in arguments.items() if name in required}
            yield Saying(command=command.name, version=command.version, arguments=few)


def _words(command: Command) -> set[str]:
    """The arguments that are words."""
    return {
        parameter.name
        for parameter in command.parameters
        if typing.get_type_hints(parameter.kind.dump).get("return") is str
    }


async def unchanged(two: Two, before: dict[str, list[Row]], since: int) -> None:
    """Hillside is as it was and has heard nothing, and Riverside has heard nothing of it."""
    after = await two.rows()
    for rows in (before, after):
        rows["buttons"] = [row for row in rows["buttons"] if row[0] not in two.made]
    assert after == before
    ours, theirs = two.heard(since)
    assert theirs == ""
    assert not SECRETS.search(ours)


def places(two: Two, everywhere: bool) -> Iterator[tuple[str, Chat]]:
    """Who says it where: a member in private and an organizer in the group; or each in both."""
    for who, in_group in (("chi", False), ("ana", True)):
        for where in (two.practice.group, two.practice.console.somebody(who).private):
            if everywhere or where.private != in_group:
                yield who, where


EVERYWHERE = [False, pytest.param(True, marks=pytest.mark.soak)]


@pytest.mark.parametrize("everywhere", EVERYWHERE)
@pytest.mark.parametrize("name", TYPED)
async def test_a_typed_command_reaches_nothing_of_another_committee(two: Two, name: str, everywhere: bool) -> None:
    command = EVERY.get(name)
    assert command is not None
    before, since = await two.rows(), len(two.transcript)
    whole = everywhere or WHOLE
    for turn, line in enumerate(dict.fromkeys(lines_of(command, two, whole))):
        there = list(places(two, everywhere))
        # In each run each line in one of two places, by turns; where each number has two lines, by turns of these too.
        one = there[(turn if whole else turn + turn // 2) % len(there)]
        for who, where in there if everywhere else [one]:
            await two.practice.say(who, line, where)
    await unchanged(two, before, since)


@pytest.mark.parametrize("everywhere", EVERYWHERE)
@pytest.mark.parametrize("name", NAMES)
async def test_a_button_reaches_nothing_of_another_committee(two: Two, name: str, everywhere: bool) -> None:
    command = EVERY.get(name)
    assert command is not None
    before, since = await two.rows(), len(two.transcript)
    tried: list[Saying] = []
    whole = everywhere or WHOLE
    for says in sayings(command, two, whole):
        if says in tried:
            continue
        tried.append(says)
        for turn, (who, where) in enumerate(places(two, everywhere), start=len(tried)):
            # In each run by turns a button of their own committee, and one of the other; where it is not the whole,
            # of the other only now and then: whatever it carries, it is of another committee.
            for made_for in (1, 2) if everywhere else (1 + turn % 2,):
                if made_for == 2 and not whole and len(tried) % 4 not in (1, 2):
                    continue
                if made_for == 1 or name not in OPEN_TO_WHOEVER_IS_THERE:
                    await two.press(who, says, where, made_for=made_for)
    await unchanged(two, before, since)


async def test_the_search_sees_what_belongs_to_the_other_committee(two: Two) -> None:
    """Else nothing would be proven by its staying as it is."""
    before = await two.rows()
    for table in ("members", "identities", "chats", "roles", "accounts", "transfers", "postings", "entries", "notes",
                  "fund_needs", "contributions", "proposals", "consents", "cards", "outbox", "due"):  # fmt: skip
        assert before[table], table
    assert len(before["members"]) == 2
    since = len(two.transcript)
    await two.practice.say("zoe", "/erase 1", two.other)
    after = await two.rows()
    assert after["notes"] != before["notes"]
    assert two.heard(since)[1]
