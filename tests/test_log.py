"""What was decided and changed: every member reads it, in plain words, and finds whatever was changed afterwards."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.app import commands
from bot.practice import DATABASE, SCRIPT_START, FixedClock, Practice
from storage import entries, people
from storage import log as books
from storage.database import Transaction
from tests.conftest import Town, two_decide

ROOT = Path(__file__).parent.parent


async def test_every_member_reads_what_was_decided_and_by_whom(town: Town) -> None:
    await town.says("chi", "/timezone Madrid")
    await town.says("ana", "/agree 1")
    await town.says("ben", "/agree 1")
    log = await town.whispers("eli", "/log")
    assert log.startswith("Riverside: What was decided and changed / No. 8, Mon, Jan 5 19:00: the time zone is")
    assert "/ No. 7, Mon, Jan 5 19:00: Ana and Ben decided: The time zone becomes Europe/Madrid. /" in log
    assert "Mon, Jan 5 19:00: Ben became an organizer. /" in log
    assert log.endswith("/ No. 1, Mon, Jan 5 19:00: Ana set up the committee. / One of them whole: /log 1")


async def test_asked_in_the_group_it_is_answered_in_private(town: Town) -> None:
    assert await town.says("eli", "/log") == ""
    assert town.heard("eli")[-1].startswith("Riverside: What was decided and changed")


async def test_strangers_read_nothing(town: Town) -> None:
    assert (await town.says("dan", "/log")).startswith("Only members of Riverside can do that.")
    assert (await town.whispers("dan", "/log verify")).startswith("You are not in a committee.")


async def test_ten_a_page_and_older_ones_by_a_button(town: Town) -> None:
    for name in ("Hillside", "Riverside", "Hilltop"):
        await town.says("ana", f"/rename {name}")
        await town.says("ben", f"/rename {name}")
    first = await town.whispers("chi", "/log")
    assert [line.partition(",")[0] for line in first.split(" / ")[1:]] == [f"No. {n}" for n in range(12, 2, -1)]
    await town.practice.press("chi", "Older", within=town.private("chi"))
    assert [line.partition(",")[0] for line in town.heard("chi")[-1].split(" / ")[1:3]] == ["No. 2", "No. 1"]


async def test_rules_decisions_and_roles_can_be_read_alone(town: Town) -> None:
    await town.says("ana", "/limit 3h")
    await town.says("ben", "/limit 3h")
    await town.says("ben", "/stepdown")
    rules = await town.whispers("chi", "/log rules")
    assert (
        rules == "Riverside: Rules / No. 8, Mon, Jan 5 18:00: the lowest balance is -3 h. / One of them whole: /log 8"
    )
    decisions = await town.whispers("chi", "/log decisions")
    assert [line.partition(" 18:00: ")[2] for line in decisions.split(" / ")[1:3]] == [
        "Ana and Ben decided: The lowest balance becomes -3 h.",
        "Ana decided: Ben becomes an organizer.",
    ]
    roles = await town.whispers("chi", "/log roles")
    assert [line.partition(" 18:00: ")[2] for line in roles.split(" / ")[1:3]] == [
        "Ben stopped organizing.",
        "Ben became an organizer.",
    ]


async def test_exchanges_of_others_are_counted_and_not_told(town: Town) -> None:
    await town.says("ana", "/thank @ben 1h")
    await town.says("ana", "/thank @chi 2h")
    await town.says("ben", "/thank @ana 45m")
    log = await town.whispers("eli", "/log")
    assert "/ … 3 exchanges … / No. 6," in log
    assert "helped" not in log
    log = await town.whispers("chi", "/log")
    assert "/ … 1 exchange … / No. 8, Mon, Jan 5 18:00: exchange 2: Chi helped Ana: 2 h. / … 1 exchange … /" in log
    whole = await town.whispers("eli", "/log 7")
    assert whole.startswith("No. 7, Mon, Jan 5 18:00: an exchange between two members. / Its hash: ")
    assert "postings" not in whole


async def test_one_entry_whole_with_its_hash(town: Town) -> None:
    whole = await town.whispers("chi", "/log 5")
    assert whole.startswith("No. 5, Mon, Jan 5 18:00: Ana decided: Ben becomes an organizer. / As it is written down: ")
    assert 'decision {"arguments":{"who":2},"command":"organizer","consents":[1],"version":1} / Its hash: ' in whole
    assert await town.whispers("chi", "/log 99") == "There is no entry 99. /log shows the numbers."


async def test_what_people_worded_stands_beside_the_books_and_can_be_erased(town: Town) -> None:
    await town.says("ana", "/rename Hillside")
    await town.says("ben", "/rename Hillside")
    assert "Ana and Ben decided: The committee's name becomes Hillside." in await town.whispers("chi", "/log decisions")
    whole = await town.whispers("chi", "/log 7")
    assert "Hillside" not in whole.partition("written down")[2]

    async def erase(tx: Transaction) -> None:
        await tx.execute("UPDATE notes SET text = NULL, salt = NULL WHERE thing = 'decision:1:7:name'")

    await town.practice.app.database.transact(erase)
    assert "The committee's name becomes …. (The words were erased.)" in await town.whispers("chi", "/log 7")


async def test_whoever_left_keeps_their_name_and_whoever_is_forgotten_has_a_pseudonym(town: Town) -> None:
    await town.says("chi", "/leave")
    assert "18:00: Chi left. /" in await town.whispers("ana", "/log members")

    async def forget(tx: Transaction) -> None:
        await tx.execute("UPDATE members SET name = '', name_key = '', first_key = '' WHERE id = 3")

    await town.practice.app.database.transact(forget)
    log = await town.whispers("ana", "/log members")
    assert "18:00: former member 3 left. /" in log
    assert "Chi" not in log


async def test_everybody_reads_it_in_their_own_language(town: Town) -> None:
    await town.whispers("eli", "/language de")
    assert "Entschieden von Ana: Ben soll ins Orga-Team." in await town.whispers("eli", "/log")


async def test_a_kind_of_entry_that_no_area_tells_is_still_shown(town: Town) -> None:
    async def write(tx: Transaction) -> None:
        committee = await people.committee(tx, 1)
        await entries.append(tx, committee, "eclipse", {"sun": 1}, now=SCRIPT_START)
        await entries.append(tx, committee, "rule", {"moon": 1}, now=SCRIPT_START)

    await town.practice.app.database.transact(write)
    log = await town.whispers("chi", "/log")
    assert "18:00: a rule was changed: moon. /" in log
    assert "18:00: an entry of the kind “eclipse”. /" in log


def _kinds_written() -> Iterator[tuple[str, str]]:
    for folder in ("bot", "handlers", "storage"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                    continue
                if isinstance(node.func.value, ast.Name) and node.func.value.id == "entries":
                    at = {"append": 2, "follow": 3}.get(node.func.attr)
                    if at is not None:
                        yield path.name, ast.literal_eval(node.args[at])


def test_every_kind_of_entry_that_is_written_is_put_into_words_by_its_area() -> None:
    written = set(_kinds_written())
    assert {"founded", "decision", "transfer"} <= {kind for _, kind in written}
    known = commands()
    bodies = {"rule": {"zone": "UTC"}}
    without = {(file, kind) for file, kind in written if known.entry(kind, bodies.get(kind, {})) is None}
    assert not without, "declare words with @router.entry(kind) in that area"


# --- checking --------------------------------------------------------------------------------------------------


async def test_two_members_compare_a_fingerprint(town: Town) -> None:
    await town.says("ana", "/thank @ben 1h")
    anas, chis = await town.whispers("ana", "/log verify"), await town.whispers("chi", "/log verify")
    assert anas.startswith(
        "All is as it was written: 7 entries, each follows from the one before, nothing was changed."
    )
    assert anas == chis
    await town.says("ana", "/thank @ben 1h")
    assert await town.whispers("ana", "/log verify") != anas
    # Written down, it is there to compare with later.
    fingerprint = anas.partition("Its fingerprint: ")[2][:19]
    assert f"In short, its fingerprint: {fingerprint} /" in await town.whispers("chi", "/log 7")


async def test_long_books_are_checked_a_stretch_at_a_time(town: Town) -> None:
    async def write(tx: Transaction) -> None:
        committee = await people.committee(tx, 1)
        for _ in range(2 * books.STRETCH):
            await entries.append(tx, committee, "joined", {"member": 1}, now=SCRIPT_START)

    await town.says("ana", "/thank @ben 1h")
    await town.practice.app.database.transact(write)
    n = 2 * books.STRETCH + 7
    console = town.practice.console
    await console.say("chi", "/log verify", town.private("chi"))
    # What happens meanwhile is part of it.
    await console.say("ana", "/thank @eli 1h", town.practice.group)
    await town.practice.settle()
    assert f"I am checking {n} entries. When I am through, I will tell you in private." in town.heard("chi")
    assert town.heard("chi")[-1].startswith(f"All is as it was written: {n + 1} entries")
    assert await town.practice.app.database.read(lambda tx: tx.value("SELECT count(*) FROM audits")) == 0


async def test_whoever_leaves_while_it_is_checked_is_told_nothing(town: Town) -> None:
    async def write(tx: Transaction) -> None:
        committee = await people.committee(tx, 1)
        for _ in range(books.STRETCH):
            await entries.append(tx, committee, "joined", {"member": 1}, now=SCRIPT_START)

    await town.practice.app.database.transact(write)
    console = town.practice.console
    await console.say("chi", "/log verify", town.private("chi"))
    await console.say("chi", "/leave", town.practice.group)
    await town.practice.settle()
    assert "All is as it was written" not in "".join(town.heard("chi"))


class Books:
    """A practice committee's file, which somebody changes behind the bot's back, and changes back."""

    def __init__(self) -> None:
        self.folder = Path(mkdtemp())
        self.said: list[tuple[str, str]] = []
        self.runner = asyncio.Runner()
        self.practice = self.runner.run(self._open())
        with self.raw() as connection:
            for trigger in ("entries_never_change", "entries_never_go", "postings_never_change", "transfers_never_go"):
                connection.execute(f"DROP TRIGGER {trigger}")
            self.rows = connection.execute("SELECT number, kind, at_us, body, hash FROM entries").fetchall()

    async def _open(self) -> Practice:
        practice = await Practice.open(
            self.folder,
            line=lambda where, what: self.said.append((where, what)),
            clock=FixedClock(datetime(2026, 1, 5, 18, 0, 7, 123456, tzinfo=UTC)),
            repeatable=True,
        )
        await two_decide(practice.app.database)
        await practice.say("ana", "/thank @chi 1h fixed the bike")
        await practice.say("ana", "/limit 3h")
        await practice.say("ben", "/limit 3h")
        await practice.say("ben", "/thank @eli 30m")
        return practice

    @contextlib.contextmanager
    def raw(self) -> Iterator[sqlite3.Connection]:
        """The file itself."""
        with contextlib.closing(sqlite3.connect(self.folder / DATABASE)) as connection:
            yield connection
            connection.commit()

    def verify(self) -> str:
        """What a member is told."""
        chat = self.practice.console.somebody("eli").private
        self.runner.run(self.practice.say("eli", "/log verify", chat))
        return self.said[-1][1]

    def close(self) -> None:
        """Shut it."""
        self.runner.run(self.practice.close())
        self.runner.close()


@pytest.fixture(scope="module")
def file() -> Iterator[Books]:
    made = Books()
    yield made
    made.close()


@settings(max_examples=150)
@given(data=st.data())
def test_any_change_of_any_byte_of_any_entry_is_found(file: Books, data: st.DataObject) -> None:
    row = data.draw(st.sampled_from(file.rows))
    column = data.draw(st.sampled_from(["number", "kind", "at_us", "body", "hash"]))
    was = dict(zip(["number", "kind", "at_us", "body", "hash"], row, strict=True))[column]
    new: Any
    if isinstance(was, int):
        new = was ^ (1 << data.draw(st.integers(0, 55)))
        assume(column != "number" or (new > 0 and new not in {other[0] for other in file.rows}))
    else:
        at = data.draw(st.integers(0, len(was) - 1))
        new = was[:at] + chr(ord(was[at]) ^ (1 << data.draw(st.integers(0, 4)))) + was[at + 1 :]
    change = f"UPDATE entries SET {column} = ? WHERE committee_id = 1 AND number = ?"
    try:
        with file.raw() as connection:
            connection.execute(change, (new, row[0]))
        answer = file.verify()
    finally:
        with file.raw() as connection:
            connection.execute(change, (was, new if column == "number" else row[0]))
    assert f"not as they were written: entry {row[0]} does not follow" in answer
    assert "Tell your organizers and whoever runs the bot now." in answer


CHANGES = {
    "DELETE FROM entries WHERE number = 8": "entry 8 does not follow",
    "DELETE FROM transfers WHERE number = 2": "exchange at entry 10 is not the one that was recorded",
    "UPDATE postings SET minutes = 2 * minutes WHERE transfer_id = 1": "exchange at entry 7 is not the one",
    "UPDATE notes SET text = 'nothing' WHERE thing = 'transfer:1'": "words of the exchange at entry 7 are not those",
    "UPDATE accounts SET balance = balance + 60 WHERE member_id = 4": "balance is not the sum of their exchanges",
    "UPDATE accounts SET balance = CASE member_id WHEN 3 THEN 30 ELSE 60 END WHERE member_id IN (3, 4)": "somebody's",
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_stands_beside_the_entries_must_agree_with_them(file: Books, change: str) -> None:
    with file.raw() as connection:
        kept = {
            table: connection.execute(f"SELECT * FROM {table}").fetchall()
            for table in ("entries", "transfers", "postings", "notes", "accounts")
        }
    assert file.verify().startswith("bot: All is as it was written: 10 entries")
    try:
        with file.raw() as connection:
            assert connection.execute(change).rowcount > 0
        assert CHANGES[change] in file.verify()
    finally:
        with file.raw() as connection:
            # As a backup that is put back: when it was made, writing was not stopped.
            connection.execute("DELETE FROM stopped")
            connection.execute("DROP TRIGGER IF EXISTS postings_sealed")
            connection.execute("DROP TRIGGER IF EXISTS postings_never_go")
            for table in ("postings", "transfers", "accounts", "notes", "entries"):
                connection.execute(f"DELETE FROM {table}")
            for table, rows in reversed(kept.items()):
                for found in rows:
                    marks = ", ".join("?" for _ in found)
                    connection.execute(f"INSERT INTO {table} VALUES ({marks})", found)


async def test_a_committee_reads_nothing_of_another(town: Town) -> None:
    async def write(tx: Transaction) -> None:
        other = await people.found_committee(
            tx, name="Elsewhere", language="en", zone="UTC", floor=None, now=SCRIPT_START
        )
        for _ in range(40):
            await entries.append(tx, other, "joined", {"member": 1}, now=SCRIPT_START)

    await town.practice.app.database.transact(write)
    assert await town.whispers("chi", "/log 30") == "There is no entry 30. /log shows the numbers."
    assert (await town.whispers("chi", "/log")).count("No. ") == 6
    assert (await town.whispers("chi", "/log verify")).startswith("All is as it was written: 6 entries")
