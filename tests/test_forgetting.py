"""What somebody wants forgotten is gone from every file of the data folder, and the books still hold."""

from __future__ import annotations

import contextlib
import json
import logging
import random
import re
import shutil
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from bot import logs
from bot.adapters.console import ConsoleAdapter, Somebody
from bot.chat import Chat, ChatId, Letter, NotReached, Sender
from bot.domain import ledger
from bot.practice import DATABASE, SCRIPT_START, FixedClock, Practice
from storage import entries, notes, people, transfers
from storage.database import Database, Reader, Transaction
from tests import schema
from tests.conftest import Riverside, two_decide

NOTE = "Xylophonquatsch: zwölf Bücher beim Zahnarzt in Quedlinburg"


class Folder:
    """A practice committee in a data folder where its log stands too, with a network that can be held up."""

    def __init__(self, path: Path, practice: Practice) -> None:
        self.path = path
        self.practice = practice
        self.blocked: set[ChatId] = set()
        """Chats in which nothing arrives now."""

    async def group(self, who: str, text: str) -> None:
        """Somebody writes in the group; nobody waits for the answers."""
        await self.practice.console.say(who, text, self.practice.group, manages_chat=True)

    async def private(self, who: str, text: str) -> None:
        """Somebody writes to the bot in private; nobody waits for the answers."""
        await self.practice.console.say(who, text, self.dm(who))

    def dm(self, who: str) -> Chat:
        """Somebody's private chat."""
        return self.practice.console.somebody(who).private

    def visible(self, chat: Chat) -> str:
        """All that the bot has said in a chat, as it is shown now."""
        posted = self.practice.console.posted.values()
        return "\n".join(one.text for one in posted if one.chat == chat.id)

    def words_in(self, words: str) -> list[str]:
        """The names of the files in which one of these words, or a piece of one, can be read."""
        return files_with(words, self.path)

    async def books_are_sound(self) -> None:
        """The chain is whole and hours sum to zero."""

        async def ask(tx: Reader) -> None:
            assert await entries.first_broken(tx, await people.committee(tx, 1)) is None
            assert await transfers.total(tx, 1) == 0
            assert await transfers.unbalanced(tx) == []

        await self.practice.app.database.read(ask)


def files_with(words: str, folder: Path) -> list[str]:
    """The names of the files in which one of these words can be read, in any way of writing that our programs use."""
    pieces: set[bytes] = set()
    for word in re.findall(r"\w{5,}", words):
        for form in (word, word.lower(), word.casefold(), json.dumps(word)[1:-1], ascii(word)[1:-1]):
            pieces |= {form.encode(), form.encode("utf-16-le")}
            # A part of a word that was cut in two is a word too.
            pieces |= {form[: len(form) // 2 + 1].encode(), form[len(form) // 2 - 1 :].encode()}
    pieces = {piece for piece in pieces if len(piece) >= 4}
    assert pieces
    files = [file for file in folder.rglob("*") if file.is_file()]
    return sorted(file.name for file in files if any(piece in file.read_bytes() for piece in pieces))


@contextlib.contextmanager
def log_in(path: Path) -> Iterator[None]:
    """All is logged that the program can log, into this file, in the way in which `solibot run` logs."""
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in logs.OURS}
    before = root.handlers[:], root.level, logging.raiseExceptions
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    with path.open("w", encoding="utf-8") as stream:
        logs.begin("debug", stream)
        try:
            yield
        finally:
            root.handlers[:], root.level, logging.raiseExceptions = before
            sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
            logging.captureWarnings(False)
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


@pytest_asyncio.fixture
async def folder(tmp_path: Path, riverside: Riverside, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Folder]:
    """Riverside, with its log beside its database."""
    data = tmp_path / "data"
    data.mkdir()
    with log_in(data / "log"):
        practice = await riverside.opened(data, lambda *_: None)
        await two_decide(practice.app.database)
        found = Folder(data, practice)
        send, edit = ConsoleAdapter.send, ConsoleAdapter.edit

        async def held_up_send(adapter: ConsoleAdapter, letter: Letter) -> str:
            if letter.chat in found.blocked:
                raise NotReached
            return await send(adapter, letter)

        async def held_up_edit(adapter: ConsoleAdapter, letter: Letter, message: str) -> None:
            if letter.chat in found.blocked:
                raise NotReached
            await edit(adapter, letter, message)

        monkeypatch.setattr(ConsoleAdapter, "send", held_up_send)
        monkeypatch.setattr(ConsoleAdapter, "edit", held_up_edit)
        monkeypatch.setattr("bot.delivery.RETRY_SECONDS_FIRST", 0.01)
        monkeypatch.setattr("bot.delivery.RETRY_SECONDS_MAX", 0.02)
        yield found
        found.blocked.clear()
        await found.practice.settle()
        await found.books_are_sound()
        await practice.close()


# --- the note of an exchange -------------------------------------------------------------------------------------


async def test_an_erased_note_is_in_no_file_and_the_books_hold(folder: Folder) -> None:
    await folder.group("ana", f"/thank @ben 2h {NOTE}")
    await folder.practice.settle()
    assert folder.words_in(NOTE), "before, it was there"
    assert NOTE in folder.visible(folder.dm("ben"))
    await folder.group("ben", "/erase 1")
    await folder.practice.settle()
    assert folder.words_in(NOTE) == []
    # What the bot itself wrote is edited; what ana wrote she deletes herself.
    assert NOTE not in folder.visible(folder.dm("ben"))
    await folder.books_are_sound()
    balance = await folder.practice.app.database.read(lambda tx: tx.value("SELECT max(balance) FROM accounts"))
    assert balance == 120, "the hours stay"


async def test_an_erased_note_stays_gone_when_the_program_ends_and_begins_again(folder: Folder) -> None:
    await folder.group("ana", f"/thank @ben 2h {NOTE}")
    await folder.practice.settle()
    await folder.private("ana", "/erase 1")
    await folder.practice.settle()
    await folder.practice.app.close()
    assert folder.words_in(NOTE) == []
    again = await Practice.open(folder.path, line=lambda *_: None, clock=FixedClock(SCRIPT_START), repeatable=True)
    assert folder.words_in(NOTE) == []
    folder.practice = again
    await again.say("ana", "/thank @ben 1h something else")
    assert folder.words_in("something else")


async def test_a_note_erased_while_the_news_of_it_still_waits_is_in_no_file_and_is_never_sent(folder: Folder) -> None:
    folder.blocked.add(folder.dm("ben").id)
    await folder.group("ana", f"/thank @ben 2h {NOTE}")
    assert folder.words_in(NOTE)
    await folder.group("ana", "/erase 1")
    assert folder.words_in(NOTE) == []
    folder.blocked.clear()
    await folder.practice.settle()
    assert "Ana thanked you with 2 h." in folder.visible(folder.dm("ben"))
    assert NOTE not in folder.visible(folder.dm("ben"))


async def test_a_note_erased_while_a_history_that_tells_it_still_waits_is_in_no_file(folder: Folder) -> None:
    await folder.group("ana", f"/thank @ben 2h {NOTE}")
    await folder.practice.settle()
    for who in ("ana", "ben"):
        folder.blocked.add(folder.dm(who).id)
        await folder.private(who, "/history")
    await folder.group("ana", "/erase 1")
    assert folder.words_in(NOTE) == []
    folder.blocked.clear()
    await folder.practice.settle()
    for who in ("ana", "ben"):
        assert NOTE not in folder.visible(folder.dm(who))


async def test_a_note_that_was_part_of_a_question_asked_back_is_in_no_file(folder: Folder) -> None:
    class Called(Somebody):
        @property
        def sender(self) -> Sender:
            return replace(super().sender, name=f"Sam {self.username[-1]}")

    for who in ("sam_a", "sam_b"):
        folder.practice.console.people[who] = Called(who)
        await folder.practice.say(who, "/join")
    await folder.practice.say("ana", f"/thank sam 1h {NOTE}")
    assert folder.words_in(NOTE), "the buttons carry it"
    await folder.practice.press("ana", "Sam a")
    assert folder.words_in(NOTE)
    await folder.practice.say("ana", "/erase 1")
    assert folder.words_in(NOTE) == []

    # Asked once, not answered, and then said in full.
    await folder.practice.say("ana", f"/thank sam 1h {NOTE}")
    await folder.practice.say("ana", f"/thank @sam_b 1h {NOTE}")
    await folder.practice.say("ana", "/erase 2")
    assert folder.words_in(NOTE) == []


async def test_a_note_said_in_private_by_somebody_in_two_committees_is_in_no_file(folder: Folder) -> None:
    other = folder.practice.console.group("Hillside")
    for who in ("ana", "chi"):
        await folder.practice.console.say(who, "/setup" if who == "ana" else "/join", other, manages_chat=True)
    await folder.practice.settle()
    await folder.practice.say("ana", f"/thank chi 1h {NOTE}", folder.dm("ana"))
    assert folder.words_in(NOTE), "the buttons carry it"
    await folder.practice.press("ana", "Hillside", within=folder.dm("ana"))
    await folder.practice.console.say("chi", "/erase 1", other)
    await folder.practice.settle()
    assert folder.words_in(NOTE) == []


async def test_a_note_is_gone_from_copies_made_before_a_change_of_the_schema(folder: Folder) -> None:
    await folder.group("ana", f"/thank @ben 2h {NOTE}")
    await folder.practice.settle()
    file = folder.path / DATABASE
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(file, file.with_name(f"{file.name}.before-0002"))
    assert f"{file.name}.before-0002" in folder.words_in(NOTE)
    await folder.group("ana", "/erase 1")
    assert folder.words_in(NOTE) == []


@pytest.mark.parametrize("seed", [5, 14, 15])
async def test_among_many_notes_the_erased_are_gone_and_the_others_stay(tmp_path: Path, seed: int) -> None:
    """Rows move between pages as others come and go: none may leave its words behind on a page it has left.

    With these seeds that happens; SQLite's secure_delete alone does not prevent it.
    """
    source = random.Random(seed)
    schema.write_new(tmp_path / "data.sqlite")
    database = await Database.open(tmp_path / "data.sqlite")
    words: dict[int, str] = {}
    gone: list[str] = []
    numbers = source.sample(range(1, 30_000), k=2000)

    def fresh(number: int) -> str:
        mark = "".join(source.choices("bcdfghjklmnpqrstvwxz", k=14))
        return f"{mark} {'filler ' * source.choice([0, 1, 5, 20, 60])}{number}"

    async def come(tx: Transaction) -> None:
        for _ in range(source.randint(1, 60)):
            number = numbers.pop()
            words[number] = fresh(number)
            await notes.keep(tx, f"transfer:{number}", words[number])

    async def go(tx: Transaction) -> None:
        for number in source.sample(sorted(words), k=min(len(words) - 1, source.randint(1, 50))):
            assert await notes.erase(tx, f"transfer:{number}")
            gone.append(words.pop(number).split()[0])

    for _ in range(8):
        await database.transact(come)
        await database.transact(go)
    everything = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert [word for word in gone if word.encode() in everything or word[7:].encode() in everything] == []
    assert all(word.split()[0].encode() in everything for word in words.values())
    assert len(gone) > 100
    await database.close()


# --- words that pass through -------------------------------------------------------------------------------------


async def test_messages_that_were_delivered_leave_no_words_behind(folder: Folder) -> None:
    await folder.practice.say("ana", "/help")
    await folder.practice.say("ana", "/frobnicate something peculiar")
    folder.blocked.add(folder.dm("chi").id)
    await folder.private("chi", "/settings")
    owed = "SELECT count(*), count(body) FROM outbox WHERE state {} 'waiting'"
    database = folder.practice.app.database
    [(waiting, with_words)] = await database.read(lambda tx: tx.all(owed.format("=")))
    assert waiting == with_words == 1, "what is not delivered yet has its words"
    [(sent, with_words)] = await database.read(lambda tx: tx.all(owed.format("<>")))
    assert sent > 2
    assert with_words == 0


async def test_the_inbox_holds_keys_and_no_words(folder: Folder) -> None:
    peculiar = "Quastenflosser"
    await folder.practice.say("ana", f"/thank @ben 1h {peculiar}")
    await folder.practice.say("stranger", f"/thank @ben 1h {peculiar}")
    await folder.practice.say("ana", f"/frobnicate {peculiar}")
    rows = await folder.practice.app.database.read(lambda tx: tx.all("SELECT * FROM inbox LIMIT 1000"))
    assert len(rows) > 3
    assert peculiar not in repr(rows)
    columns = await folder.practice.app.database.read(lambda tx: tx.all("SELECT name FROM pragma_table_info('inbox')"))
    assert [name for (name,) in columns] == ["network", "event", "at_us"]


async def test_what_is_said_and_not_recorded_is_in_no_file(folder: Folder) -> None:
    for line in (
        f"/thank @ben {NOTE}",
        f"/thank @nobody 1h {NOTE}",
        f"/thank @ana 1h {NOTE}",
        f"/thank @ben 99h {NOTE}",
        f"/frobnicate {NOTE}",
        f"/balance {NOTE}",
        NOTE,
    ):
        await folder.practice.say("ana", line)
        await folder.practice.say("ana", line, folder.dm("ana"))
        await folder.practice.say("stranger", line)
    assert folder.words_in("Fahrradschlauch") == [], "the search finds nothing where there is nothing"
    assert folder.words_in(NOTE) == [DATABASE + "-wal"], "what was owed and is delivered waits there to be overwritten"
    with contextlib.closing(sqlite3.connect(folder.path / DATABASE)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert folder.words_in(NOTE) == []


async def test_the_log_holds_no_words_even_of_faults(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> ledger.Transfer:
        raise ValueError(NOTE)

    monkeypatch.setattr(ledger, "post", failing)
    await folder.practice.say("ana", f"/thank @ben 1h {NOTE}")
    monkeypatch.undo()
    # A fault inside the database, too: a value that cannot be stored.
    await folder.practice.say("ana", f"/thank @ben 1h {NOTE} \ud800")
    log = (folder.path / "log").read_text("utf-8")
    events = [json.loads(line)["event"] for line in log.splitlines()]
    assert "incident" in events, "the faults are in the log"
    assert files_with(NOTE, folder.path) != ["log"]
    assert "log" not in files_with(NOTE, folder.path)
    assert "Ana" not in log
    assert "ben" not in log


def test_the_search_would_find_words_in_every_form(tmp_path: Path) -> None:
    for name, content in {
        "plain": NOTE.encode(),
        "json": json.dumps(NOTE).encode(),
        "folded": NOTE.casefold().encode(),
        "wide": NOTE.encode("utf-16-le"),
        "cut": NOTE[:12].encode(),
    }.items():
        (tmp_path / name).write_bytes(b"\0" * 100 + content + b"\0" * 100)
    (tmp_path / "none").write_bytes(b"nothing of it")
    assert files_with(NOTE, tmp_path) == ["cut", "folded", "json", "plain", "wide"]
