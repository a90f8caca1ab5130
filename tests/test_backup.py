"""Copies: sealed, looked through, and put to work elsewhere; and whoever runs the bot as members see it."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import sqlite3
import sys
import tarfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import archive, backup
from bot.backup import CannotCopy
from bot.chat import Document
from bot.config import Config, load
from bot.domain import sealing
from bot.practice import SCRIPT_START, FixedClock, Practice
from storage import copies, custodians, database, outbox, people
from storage.database import Reader
from tests.conftest import Town
from tests.servers.running import RunningBot, on_telegram
from tests.servers.telegram_api import TelegramServer
from tests.servers.telegram_state import Chat, Message
from tests.test_command_line import SECONDS_MAX, no_traceback, private, solibot, solibot_beside

_NAMES = st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?", fullmatch=True)
KEYS = [archive.new_key() for _ in range(3)]


def _key_file(folder: Path, secret: str) -> Path:
    path = folder / f"{secret[-6:]}.key"
    path.write_text(f"# mine\n{secret}\n")
    return path


def _settings(folder: Path, more: str = "") -> Config:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(f'[bot]\ndata = "data"\n{more}')
    return load(folder / "config.toml")


# --- sealing -------------------------------------------------------------------------------------------------------


@given(
    files=st.dictionaries(
        st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?", fullmatch=True), st.binary(max_size=300), max_size=4
    )
)
def test_what_is_sealed_comes_back_for_each_key_and_for_no_other(
    files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("sealed") / "copy.age"
    archive.seal(path, files, [KEYS[0][1], KEYS[1][1]])
    assert archive.unseal(path, [KEYS[0][0]]) == archive.unseal(path, [KEYS[2][0], KEYS[1][0]]) == files
    with pytest.raises(archive.CannotOpen):
        archive.unseal(path, [KEYS[2][0]])
    armored = path.with_suffix(".txt")
    armored.write_text(archive.armored(path.read_bytes()))
    assert archive.unseal(armored, [KEYS[0][0]]) == files


@given(at=st.integers(0), bit=st.integers(0, 7))
def test_a_changed_archive_is_not_opened(at: int, bit: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("sealed") / "copy.age"
    archive.seal(path, {"a": b"hours"}, [KEYS[0][1]])
    sealed = bytearray(path.read_bytes())
    sealed[at % len(sealed)] ^= 1 << bit
    path.write_bytes(sealed)
    with pytest.raises((archive.CannotOpen, archive.Damaged)):
        archive.unseal(path, [KEYS[0][0]])


def test_nothing_in_an_archive_leads_out_of_its_folder(tmp_path: Path) -> None:
    # Whoever knows a public key can seal something to it.
    for name in ("../out", "/tmp/out", "a/../../out"):
        packed = tmp_path / "packed"
        with tarfile.open(packed, "w:xz") as tar:
            entry = tarfile.TarInfo(name)
            entry.size = 1
            tar.addfile(entry, io.BytesIO(b"x"))
        key = pyrage.x25519.Recipient.from_str(KEYS[0][1])
        (tmp_path / "copy.age").write_bytes(pyrage.encrypt(packed.read_bytes(), [key]))
        with pytest.raises(archive.Damaged):
            archive.unseal(tmp_path / "copy.age", [KEYS[0][0]])


@given(st.text(max_size=80))
def test_what_is_no_key_is_not_taken_for_one(text: str) -> None:
    with pytest.raises(sealing.NotAKey):
        sealing.recipient(text)


def test_one_wrong_letter_in_a_key_is_found() -> None:
    key = KEYS[0][1]
    for at in range(5, len(key)):
        wrong = key[:at] + ("q" if key[at] != "q" else "p") + key[at + 1 :]
        with pytest.raises(sealing.NotAKey):
            sealing.recipient(wrong)
    assert sealing.recipient(f" {key.upper()} ") == key


# --- members and custodians ------------------------------------------------------------------------------------------


async def test_two_custodians_are_asked_for_until_they_are_there(town: Town) -> None:
    for time in ("8d", "7d"):
        await town.skip(time)
        assert "two custodians" in town.heard("ana")[-1]
    said = town.heard("ana").count(town.heard("ana")[-1])
    for number, who in enumerate(("chi", "eli")):
        await town.whispers(who, f"/custodian {KEYS[number][1]}")
        await town.presses("ana", "Agree")
        answer = await town.presses("ben", "Agree")
        assert f"{who.title()} is a custodian now" in answer
        assert ("1 more is needed" in answer) == (number == 0)
    await town.skip("14d")
    assert town.heard("ana").count(next(words for words in town.heard("ana") if "two custodians" in words)) == said
    assert "Chi and Eli" in await town.whispers("ana", "/host")


async def test_a_key_is_taken_only_whole_and_only_in_private(town: Town) -> None:
    assert "no public key" in await town.whispers("chi", f"/custodian {KEYS[0][1][:-1]}")
    assert "in private" in await town.says("chi", f"/custodian {KEYS[0][1]}")
    assert "AGE-SECRET" not in "".join(what for _, what in town.transcript)


async def test_one_organizer_alone_makes_nobody_a_custodian(town: Town) -> None:
    await town.whispers("ana", f"/custodian {KEYS[0][1]}")
    assert "nobody" in await town.whispers("chi", "/custodian")
    await town.presses("ben", "Agree")
    assert "Ana" in await town.whispers("chi", "/custodian")
    assert "custodian no more" in await town.whispers("ana", "/custodian off")


# --- the whole way, as processes --------------------------------------------------------------------------------------


def _books(file: Path) -> dict[str, tuple[int, str]]:
    found = copies.holdings(file, None)
    return {books.name: (books.entries, books.head) for books in found.books}


def _rows(file: Path, question: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(file)
    try:
        return connection.execute(question).fetchall()
    finally:
        connection.close()


async def _until(server: TelegramServer, group: Chat, words: str) -> Message:
    """The bot's message in the group with these words, which may be shown by an edit."""
    async with asyncio.timeout(SECONDS_MAX):
        while True:
            for message in reversed(server.messages(group, by_bot=True)):
                if words in (message.text or ""):
                    return message
            await asyncio.sleep(0.05)


async def test_a_bot_that_is_handed_over_goes_on_elsewhere_and_says_nothing_twice(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    async with TelegramServer() as server:
        old = on_telegram(server, tmp_path / "old")
        keys = json.dumps([KEYS[0][1], KEYS[1][1]])
        old.config.write_text(f"{old.config.read_text()}\n[host]\nkeys = {keys}\n")
        ana, ben = server.user(first_name="Ana", username="ana"), server.user(first_name="Ben", username="ben")
        server.set_privacy(False)
        group = server.supergroup("Riverside", creator=ana, members=[ben])
        await old.start()
        for who, text, answer in (
            (ana, "/setup", "is set up"),
            (ben, "/join", "Welcome"),
            (ana, "/organizer @ben", "is an organizer now"),
            (ana, "/thank @ben 1h washed up", "Ben helped Ana: 1 h."),
            (ana, "/limit 10h", "Voted: 1 of 2."),
        ):
            server.say(who, group, text)
            card = await _until(server, group, answer)
        assert await old.stop() == 0
        said = Counter(message.text for message in server.messages(group, by_bot=True))
        done = await solibot_beside("handover", "--config", str(old.config), folder=tmp_path)
        assert done.returncode == 0, done.stderr
        no_traceback(done)
        [sealed] = (old.folder / "data" / "backups").glob("*.age")
        assert private(sealed)

        new = tmp_path / "new"
        key = _key_file(tmp_path, KEYS[1][0])
        done = await solibot_beside("restore", str(sealed), str(new), "--key", str(key), folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert _books(new / "solibot.sqlite") == _books(old.database)
        for table in ("due", "cards", "polls", "poll_roll", "poll_ballots", "outbox", "inbox", "positions", "buttons"):
            question = f"SELECT * FROM {table} ORDER BY 1, 2"
            assert _rows(new / "solibot.sqlite", question) == _rows(old.database, question)
        # Here it does not start any more.
        refused = await solibot_beside("run", "--config", str(old.config), folder=tmp_path)
        assert refused.returncode == 1
        assert "lives elsewhere now" in refused.stderr

        program = [sys.executable, "-m", "bot", "run", "--config", str(new / "config.toml")]
        (tmp_path / "log").mkdir()
        bot = RunningBot(tmp_path / "log", "", program=program)
        await bot.start()
        try:
            # The card of before goes on, and so does its poll.
            server.tap(ben, group, card, "Yes")
            decided = await _until(server, group, "So it has passed.")
            assert decided.id == card.id
            await _until(server, group, "has passed: The lowest balance becomes -10 h.")
            server.say(ben, group, "/thank @ana 30m")
            await _until(server, group, "(No. 2)")
        finally:
            assert await bot.stop() == 0
        now = Counter(message.text for message in server.messages(group, by_bot=True))
        assert all(often == 1 for often in (said | now).values()), now
        assert server.violations == []


async def test_a_copy_of_a_night_does_not_say_again_what_may_have_been_said(tmp_path: Path, town: Town) -> None:
    settings = _settings(tmp_path / "there")
    settings.data.mkdir()
    shutil.copyfile(await _at_rest(town), settings.database_file)
    _write(settings.database_file, "UPDATE outbox SET state = 'waiting', body = '{}' WHERE id = 1")
    made = _make(settings)
    done = backup.restore(made.path, _key_file(tmp_path, KEYS[0][0]), tmp_path / "here")
    assert _rows(done.settings.parent / "solibot.sqlite", "SELECT count(*) FROM outbox WHERE state = 'waiting'") == [
        (0,)
    ]
    assert done.holdings.books == made.manifest.books


def _make(settings: Config, committee: str | None = None) -> backup.Made:
    return backup.make(
        settings, committee=committee, recipients=[KEYS[0][1]], kind="copy", to=settings.data / "backups",
        now=datetime(2026, 1, 7, 4, 30, tzinfo=UTC),
    )  # fmt: skip


async def _at_rest(town: Town) -> Path:
    path = town.practice.app.database.path
    copies.copy(path, None, target := path.with_name("copied.sqlite"))
    return target


def _write(file: Path, statement: str) -> None:
    connection = sqlite3.connect(file)
    connection.execute(statement)
    connection.commit()
    connection.close()


async def test_what_cannot_be_restored_is_said_and_changes_nothing(tmp_path: Path, town: Town) -> None:
    settings = _settings(tmp_path / "there")
    settings.data.mkdir()
    shutil.copyfile(await _at_rest(town), settings.database_file)
    made, key = _make(settings), _key_file(tmp_path, KEYS[0][0])

    def refused(why: str, file: Path = made.path, key: Path = key, into: str = "here") -> None:
        done = solibot("restore", str(file), str(tmp_path / into), "--key", str(key))
        assert (done.returncode, why in done.stderr) == (1, True), done.stderr
        no_traceback(done)

    refused("sealed for other keys", key=_key_file(tmp_path, KEYS[2][0]))
    (tmp_path / "words").write_text("hello")
    refused("no secret key", key=tmp_path / "words")
    refused("not a copy of Solibot's", file=tmp_path / "words")
    refused("cannot be read", file=tmp_path / "nowhere.age")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("keep")
    refused("not empty", into="full")
    assert (tmp_path / "full" / "mine").read_text() == "keep"
    _write(settings.database_file, f"PRAGMA user_version = {database.newest_schema() + 1}")
    made = _make(settings)
    refused("newer version", file=made.path)
    assert not (tmp_path / "here").exists()


async def test_a_copy_of_an_older_version_is_brought_up_to_date(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "there")
    settings.data.mkdir()
    files = database._migrations()
    connection = sqlite3.connect(settings.database_file)
    connection.executescript("".join(file.read_text("utf-8") for file in files[:1]))
    connection.execute("PRAGMA user_version = 1")
    connection.execute("INSERT INTO committees VALUES (1, 'abc', 'Riverside', 'en', 'UTC', NULL, 0)")
    connection.commit()
    connection.close()
    done = backup.restore(_make(settings).path, _key_file(tmp_path, KEYS[0][0]), tmp_path / "here")
    opened = await database.Database.open(done.settings.parent / "solibot.sqlite")
    await opened.close()
    assert [books.name for books in copies.holdings(opened.path, None).books] == ["Riverside"]


async def test_a_broken_book_is_not_copied(tmp_path: Path, town: Town) -> None:
    settings = _settings(tmp_path / "there")
    settings.data.mkdir()
    shutil.copyfile(await _at_rest(town), settings.database_file)
    _write(settings.database_file, "DROP TRIGGER entries_never_change")
    _write(settings.database_file, "UPDATE entries SET at_us = at_us + 1 WHERE number = 2")
    with pytest.raises(CannotCopy, match="entry 2 of Riverside"):
        _make(settings)
    assert not list((settings.data / "backups").glob("*"))
    assert not list(settings.data.glob(".copying*"))


# --- one committee of several --------------------------------------------------------------------------------------

THEIRS = ("Hillside", "zora", "quince", "zebedee")


async def _two_committees(tmp_path: Path, key: str | None = None) -> Config:
    """Riverside, and Hillside with zora and zebedee, who are in no other; ana is in both."""
    settings = _settings(tmp_path / "there", "" if key is None else f'[database]\nkey = "{key}"\n')
    settings.data.mkdir()
    practice = await Practice.open(
        tmp_path, line=lambda where, what: None, clock=FixedClock(SCRIPT_START), repeatable=True
    )
    console = practice.console
    hillside = console.group("Hillside")
    await console.say("zora", "/setup", hillside, manages_chat=True)
    for who in ("zebedee", "ana"):
        await console.say(who, "/join", hillside)
    await console.say("zora", "/organizer @zebedee", hillside)
    await console.say("zora", "/start", console.somebody("zora").private)
    await console.say("zebedee", "/thank @zora 2h quince jam", hillside)
    await console.say("zora", "/limit 9h", hillside)
    await console.say("zora", "/nickname Quincey", hillside)
    await console.say("ana", "/thank @ben 1h plums", console.group("Riverside"))
    await practice.settle()
    copies.copy(practice.app.database.path, None, settings.database_file)
    await practice.close()
    if key is not None:
        _encrypt(settings.database_file, key)
    return settings


def _encrypt(file: Path, key: str) -> None:
    beside = file.with_name("encrypted")
    connection = database.connected(file, None)
    connection.close()
    encrypted = database.connected(beside, key)
    encrypted.execute(f"ATTACH DATABASE '{file}' AS plain KEY ''")
    encrypted.execute("SELECT sqlcipher_export('main', 'plain')").fetchall()
    [(schema,)] = encrypted.execute("PRAGMA plain.user_version").fetchall()
    encrypted.execute(f"PRAGMA user_version = {schema}")
    encrypted.close()
    beside.replace(file)


def _holds(file: Path, words: tuple[str, ...]) -> set[str]:
    content = file.read_bytes().lower()
    return {word for word in words if word.lower().encode() in content or word.lower().encode("utf-16-le") in content}


async def test_one_committees_copy_holds_nothing_of_another(tmp_path: Path) -> None:
    settings = await _two_committees(tmp_path)
    assert _holds(settings.database_file, THEIRS) == set(THEIRS)
    uid = copies.committee_named(settings.database_file, None, "riverside")
    made = _make(settings, uid)
    done = backup.restore(made.path, _key_file(tmp_path, KEYS[0][0]), tmp_path / "here")
    file = tmp_path / "here" / "solibot.sqlite"
    assert _holds(file, THEIRS) == set()
    assert _holds(file, ("Riverside", "plums", "ana", "eli")) == {"Riverside", "plums", "ana", "eli"}
    before = {books.name: books for books in copies.holdings(settings.database_file, None).books}
    assert done.holdings.books == (before["Riverside"],)
    # It goes on: the schema, its triggers and what is planned are there.
    opened = await database.Database.open(file)
    await opened.close()
    names = "SELECT type, name FROM sqlite_schema ORDER BY 1, 2"
    assert _rows(file, names) == _rows(settings.database_file, names)


async def test_a_committee_that_moves_away_leaves_the_others_as_they_were(tmp_path: Path) -> None:
    settings = await _two_committees(tmp_path)
    before = {books.name: books for books in copies.holdings(settings.database_file, None).books}
    _write(
        settings.database_file,
        f"INSERT INTO custodians SELECT id, '{KEYS[0][1]}', 0 FROM members WHERE committee_id = 2 LIMIT 1",
    )
    hand_over = partial(backup.hand_over, settings, committee="Hillside", to=tmp_path / "out", now=SCRIPT_START)
    with pytest.raises(CannotCopy, match="Only one person"):
        await asyncio.to_thread(hand_over)
    made = await asyncio.to_thread(hand_over, few=True)
    assert made.manifest.books == (before["Hillside"],)
    assert copies.holdings(settings.database_file, None).books == (before["Riverside"],)
    assert _holds(settings.database_file, THEIRS) == set()
    done = backup.restore(made.path, _key_file(tmp_path, KEYS[0][0]), tmp_path / "here")
    assert done.holdings.books == (before["Hillside"],)


async def test_an_encrypted_committee_moves_with_a_key_of_its_own(tmp_path: Path) -> None:
    key = "ab" * 32
    settings = await _two_committees(tmp_path, key)
    uid = copies.committee_named(settings.database_file, key, "Riverside")
    backup.restore(_make(settings, uid).path, _key_file(tmp_path, KEYS[0][0]), tmp_path / "here")
    file = tmp_path / "here" / "solibot.sqlite"
    new = load(tmp_path / "here" / "config.toml").database_key
    assert new is not None
    assert new != key
    assert _holds(file, ("Riverside", "plums")) == set()
    assert [books.name for books in copies.holdings(file, new).books] == ["Riverside"]


def test_every_table_leads_to_a_committee_or_is_dealt_with_by_name(tmp_path: Path) -> None:
    """So that one committee's copy stays its own when tables are added."""
    connection = sqlite3.connect(tmp_path / "empty.sqlite")
    for file in database._migrations():
        connection.executescript(file.read_text("utf-8"))
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    tables -= {name for name in tables if name.startswith("sqlite_")}
    leads = {"committees", "persons", "chats", "identities"}
    while more := {table for table, parent, _ in copies.references(connection) if parent in leads} - leads:
        leads |= more
    connection.close()
    assert tables - leads == copies.BELONGS_TO_NOBODY & tables


@pytest.mark.soak
async def test_every_night_there_is_a_copy_and_old_ones_go(tmp_path: Path) -> None:
    settings = await _two_committees(tmp_path)
    for committee in (1, 2):
        _write(
            settings.database_file,
            f"""INSERT INTO custodians SELECT id, '{KEYS[committee - 1][1]}', 0 FROM members
                WHERE committee_id = {committee} LIMIT 1""",
        )
    opened = await database.Database.open(settings.database_file)
    now = SCRIPT_START
    for night in range(backup.KEPT + 2):
        await backup.nightly(settings, opened, now=partial(datetime.__add__, now, timedelta(days=night)))

    async def newest(tx: Reader) -> custodians.Copy | None:
        return await custodians.newest(tx, 1)

    told = await opened.read(newest)
    assert told is not None
    assert told.made_at == now + timedelta(days=backup.KEPT + 1)
    assert told.trouble is None
    made = sorted((settings.data / "backups").iterdir())
    assert len(made) == 2 * backup.KEPT
    assert all(private(path) for path in made)
    # Each is for its own custodians.
    keys = [archive.secrets_in(key[0]) for key in KEYS[:2]]
    opens = Counter(number for path in made for number in range(2) if _opens(path, keys[number]))
    assert opens == {0: backup.KEPT, 1: backup.KEPT}

    async def sent(tx: Reader) -> list[outbox.Owed]:
        uid = (await people.committee(tx, 1)).uid
        return [item for item in await outbox.waiting(tx) if item.document and item.document.name.startswith(uid)]

    # Custodians have one to keep from the first night, and from a week later; as text, which restores as well.
    [first, second] = await opened.read(sent)
    assert isinstance(first.document, Document)
    assert isinstance(second.document, Document)
    assert first.document.name < second.document.name
    (tmp_path / "kept").write_text(second.document.text)
    done = backup.restore(tmp_path / "kept", _key_file(tmp_path, KEYS[0][0]), tmp_path / "here")
    assert [books.name for books in done.holdings.books] == ["Riverside"]
    await opened.close()


def _opens(path: Path, keys: list[str]) -> bool:
    try:
        archive.unseal(path, keys)
    except archive.CannotOpen:
        return False
    return True
