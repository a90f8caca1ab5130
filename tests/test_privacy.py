"""What is kept about somebody can be had out, seen as they choose, and is gone from every file when they ask."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
import shutil
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.adapters.console import ConsoleAdapter, Somebody
from bot.app import ROLL, commands
from bot.arguments import PersonKind
from bot.chat import Letter, NotReached, Sender
from bot.domain import retention
from bot.practice import DATABASE, SCRIPT_START, FixedClock, Practice
from storage import privacy
from storage.database import Reader
from tests.conftest import Town, two_decide
from tests.test_forgetting import Folder, files_with, folder

__all__ = ["folder"]

NOTE = "Xylophonquatsch beim Zahnarzt"
WHO = "quastenflosser"
NAME = "Xanthippe Quedlinburg"
EVERYTHING = f"{WHO} {NAME} {NOTE}"


@dataclass(slots=True)
class Called(Somebody):
    """A person whose name is not their username."""

    called: str = NAME

    @property
    def sender(self) -> Sender:
        """As a network would tell of them."""
        return replace(
            Somebody(self.username, self.language, network=self.network, like=self.like).sender, name=self.called
        )


@pytest_asyncio.fixture
async def quedlinburg(folder: Folder) -> AsyncIterator[Folder]:
    """Riverside with Xanthippe Quedlinburg in it, who has exchanged, proposed and agreed."""
    console = folder.practice.console
    console.people[WHO] = Called(WHO)
    await folder.practice.say(WHO, "/join")
    await folder.practice.say(WHO, "/start", folder.dm(WHO))
    await folder.practice.say(WHO, f"/thank @ben 2h {NOTE}")
    await folder.practice.say("chi", f"/thank @{WHO} 1h {NOTE}")
    await folder.practice.say("ana", f"/organizer @{WHO}")
    await folder.practice.say("chi", f"/thank @eli 1h {NAME} had asked for it")
    yield folder


async def forget(folder: Folder, who: str = WHO) -> None:
    """Somebody asks to be forgotten, and says yes."""
    await folder.practice.say(who, "/forget me", folder.dm(who))
    await folder.practice.press(who, "Yes, forget me for good", within=folder.dm(who))


def without_welcome(said: str) -> str:
    """All but what was said once and is no card: that stays in the chat, as what people wrote does."""
    return re.sub("Welcome to Riverside, .*|.* goes by Flossie now.", "", said)


# --- forgetting ------------------------------------------------------------------------------------------------


async def test_whoever_is_forgotten_is_in_no_file(quedlinburg: Folder) -> None:
    for word in (WHO, NAME, NOTE):
        assert quedlinburg.words_in(word), "before, it was there"
    await forget(quedlinburg)
    assert quedlinburg.words_in(EVERYTHING) == []
    assert "I have forgotten you" in quedlinburg.visible(quedlinburg.dm(WHO))
    group = quedlinburg.visible(quedlinburg.practice.group)
    assert "Former member 5 has left Riverside." in group
    assert "Xanthippe" not in without_welcome(group), "what was shown is edited"
    assert "Ben helped Former member 5: 2 h." in group
    await quedlinburg.books_are_sound()


async def test_whoever_is_forgotten_stays_so_after_a_restart_and_comes_back_as_somebody_new(
    quedlinburg: Folder,
) -> None:
    await forget(quedlinburg)
    await quedlinburg.practice.close()
    assert quedlinburg.words_in(EVERYTHING) == []
    again = await Practice.open(quedlinburg.path, line=lambda *_: None, clock=FixedClock(SCRIPT_START), repeatable=True)
    quedlinburg.practice = again
    assert quedlinburg.words_in(EVERYTHING) == []
    again.console.people[WHO] = Called(WHO)
    await again.say(WHO, "/join")
    await again.say(WHO, "/balance")
    assert "You have 0" in quedlinburg.visible(quedlinburg.dm(WHO)) or quedlinburg.words_in(NAME)
    rows = await again.app.database.read(lambda tx: tx.all("SELECT name FROM members ORDER BY id LIMIT 10"))
    assert [name for (name,) in rows][-2:] == ["Former member 5", NAME]


async def test_whoever_is_forgotten_just_before_a_crash_is_gone_after_it(quedlinburg: Folder, tmp_path: Path) -> None:
    database = quedlinburg.practice.app.database
    crashed = tmp_path / "crashed"

    async def crashing() -> None:
        # The moment between the commit and the scrubbing, as a kill would leave the files.
        if not crashed.exists():
            crashed.mkdir()
            for name in (DATABASE, f"{DATABASE}-wal"):
                shutil.copyfile(quedlinburg.path / name, crashed / name)

    scrub = database._scrub
    setattr(database, "_scrub", crashing)  # noqa: B010 - mypy
    await forget(quedlinburg)
    setattr(database, "_scrub", scrub)  # noqa: B010 - mypy
    assert files_with(EVERYTHING, crashed), "the crash left it there"
    again = await Practice.open(crashed, line=lambda *_: None, clock=FixedClock(SCRIPT_START), repeatable=True)
    await again.close()
    assert files_with(EVERYTHING, crashed) == []
    assert (crashed / ROLL).exists()


async def test_what_waited_to_be_said_with_the_name_is_said_with_the_pseudonym(quedlinburg: Folder) -> None:
    quedlinburg.blocked |= {quedlinburg.practice.group.id, quedlinburg.dm("ben").id}
    await quedlinburg.group("ana", f"/thank @{WHO} 30m")
    await quedlinburg.group(WHO, "/nickname Flossie")
    await quedlinburg.private(WHO, "/undo 1")
    await quedlinburg.private(WHO, "/forget me")
    while "Shall I forget you?" not in quedlinburg.visible(quedlinburg.dm(WHO)):
        await quedlinburg.practice.app.database.read(lambda tx: tx.value("SELECT 1"))
    assert quedlinburg.words_in("Flossie")
    await quedlinburg.practice.console.press(
        WHO, "Yes, forget me for good", within=quedlinburg.dm(WHO), manages_chat=False
    )
    while "I have forgotten you" not in quedlinburg.visible(quedlinburg.dm(WHO)):
        await quedlinburg.practice.app.database.read(lambda tx: tx.value("SELECT 1"))
    await quedlinburg.practice.app.database.transact(lambda tx: tx.all("SELECT 1"))
    assert quedlinburg.words_in(f"{EVERYTHING} Flossie") == [], "while it waits"
    quedlinburg.blocked.clear()
    await quedlinburg.practice.settle()
    heard = quedlinburg.visible(quedlinburg.practice.group) + quedlinburg.visible(quedlinburg.dm("ben"))
    assert "Former member 5 goes by Former member 5 now." in heard
    assert not re.search("Xanthippe|Flossie|quastenflosser", without_welcome(heard))


async def test_going_out_of_the_group_afterwards_brings_nothing_back(quedlinburg: Folder) -> None:
    await forget(quedlinburg)
    await quedlinburg.practice.console.depart(WHO, quedlinburg.practice.group)
    await quedlinburg.practice.settle()
    assert quedlinburg.words_in(EVERYTHING) == []


async def test_a_stranger_who_only_wrote_once_can_be_forgotten_too(folder: Folder) -> None:
    folder.practice.console.people[WHO] = Called(WHO)
    await folder.practice.say(WHO, "hello", folder.dm(WHO))
    assert folder.words_in(NAME)
    await forget(folder)
    assert folder.words_in(f"{WHO} {NAME}") == []


async def test_a_copy_from_before_a_change_of_schema_goes_too(quedlinburg: Folder) -> None:
    file = quedlinburg.path / DATABASE
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(file, file.with_name(f"{file.name}.before-0004"))
    assert f"{file.name}.before-0004" in quedlinburg.words_in(NAME)
    await forget(quedlinburg)
    assert quedlinburg.words_in(EVERYTHING) == []


async def test_an_older_copy_that_is_put_in_place_again_forgets_again(quedlinburg: Folder, tmp_path: Path) -> None:
    file = quedlinburg.path / DATABASE
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = tmp_path / "kept.sqlite"
    shutil.copyfile(file, kept)
    quedlinburg.practice.clock.move(quedlinburg.practice.clock() + timedelta(days=1))
    await forget(quedlinburg)
    await quedlinburg.practice.close()
    for old in quedlinburg.path.glob(f"{DATABASE}*"):
        old.unlink()
    shutil.copyfile(kept, file)
    assert quedlinburg.words_in(NAME)
    quedlinburg.practice = await Practice.open(
        quedlinburg.path, line=lambda *_: None, clock=FixedClock(SCRIPT_START), repeatable=True
    )
    assert quedlinburg.words_in(EVERYTHING) == []
    assert await quedlinburg.practice.app.database.read(privacy.last_forgotten) is not None


async def test_only_whoever_was_asked_is_forgotten(folder: Folder) -> None:
    await folder.practice.say("chi", "/forget me", folder.dm("chi"))
    console = folder.practice.console
    message, posted = max(console.posted.items(), key=lambda item: item[1].order)
    # The button, pressed by somebody else: as in a message that was passed on.
    console.posted[message] = replace(posted, chat=folder.dm("eli").id)
    await console.press_key("eli", posted.keys[0][0], message, manages_chat=False)
    await folder.practice.settle()
    assert "This choice is for somebody else." in folder.visible(folder.dm("eli"))
    assert await folder.practice.app.database.read(privacy.last_forgotten) is None


async def test_the_last_organizer_may_be_forgotten_and_the_group_hears_what_follows(town: Town) -> None:
    await town.says("ben", "/stepdown")
    assert "You are the only organizer of Riverside" in await town.whispers("ana", "/forget me")
    await town.practice.press("ana", "Yes, forget me for good", within=town.private("ana"))
    assert "Former member 1 has left Riverside." in town.sees()[-1]
    assert "There is no organizer now." in town.sees()[-1]


async def test_a_common_word_as_a_name_does_not_erase_what_others_wrote(folder: Folder) -> None:
    folder.practice.console.people[WHO] = Called(WHO, called="soup")
    await folder.practice.say(WHO, "/join")
    for _ in range(privacy.MENTIONS_MAX + 1):
        await folder.practice.say("chi", "/thank @eli 1m soup")
    await forget(folder)
    kept = await folder.practice.app.database.read(
        lambda tx: tx.value("SELECT count(*) FROM notes WHERE text = 'soup'")
    )
    assert kept == privacy.MENTIONS_MAX + 1


# --- in time ---------------------------------------------------------------------------------------------------


async def test_a_year_after_leaving_a_pseudonym_stands_for_the_name(quedlinburg: Folder) -> None:
    await quedlinburg.practice.say(WHO, "/leave")
    await quedlinburg.practice.skip(retention.DEPARTED - timedelta(days=2))
    assert quedlinburg.words_in(NAME)
    await quedlinburg.practice.skip(timedelta(days=4))
    assert quedlinburg.words_in(EVERYTHING) == []


async def test_whoever_stays_keeps_the_name(quedlinburg: Folder) -> None:
    await quedlinburg.practice.skip(retention.DEPARTED + timedelta(days=4))
    assert quedlinburg.words_in(NAME)
    assert quedlinburg.words_in(NOTE)


async def test_what_an_upgrade_left_behind_goes_after_a_week(folder: Folder) -> None:
    copy = folder.path / f"{DATABASE}.before-0004"
    copy.write_bytes(b"old")
    os.utime(copy, (SCRIPT_START.timestamp(), SCRIPT_START.timestamp()))
    await folder.practice.skip(retention.UPGRADE_COPIES - timedelta(days=1))
    assert copy.exists()
    await folder.practice.skip(timedelta(days=2))
    assert not copy.exists()


# --- handing out -----------------------------------------------------------------------------------------------


async def test_everything_is_handed_out_in_private_as_text(quedlinburg: Folder) -> None:
    await quedlinburg.practice.say(WHO, "/export me")
    file = quedlinburg.practice.console.documents[-1]
    found = json.loads(file.text)
    assert found["accounts"] == [{"account": f"console:{WHO}", "name": NAME, "username": WHO}]
    assert found["memberships"][0]["committee"] == "Riverside"
    assert found["memberships"][0]["joined"] == "2026-01-05T18:00:00+00:00"
    assert [(one["minutes"], one["with_whom"], one["note"]) for one in found["exchanges"]] == [
        (60, "Chi", NOTE),
        (-120, "Ben", NOTE),
    ]
    assert "Eli" not in file.text, "of others only what was seen anyway"
    assert file.text not in quedlinburg.visible(quedlinburg.practice.group)


async def test_every_column_is_handed_out_or_is_said_not_to_be_about_a_person(folder: Folder) -> None:
    """A new table or column fails here until it is one or the other."""
    read: set[tuple[str, str]] = set()

    def watch(action: int, one: str | None, two: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_READ:
            read.add((str(one), str(two)))
        return sqlite3.SQLITE_OK

    with contextlib.closing(sqlite3.connect(folder.path / DATABASE)) as connection:
        columns = connection.execute(
            """SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c
               WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'"""
        ).fetchall()
        connection.set_authorizer(watch)
        await privacy.hand_out(Reader(sqlite3, connection, 60), 1, now=SCRIPT_START, characters_max=100_000)
    said = privacy.NOT_ABOUT_A_PERSON
    missing = [
        f"{table}.{column}"
        for table, column in columns
        if (table, column) not in read and table not in said and f"{table}.{column}" not in said
    ]
    assert missing == []
    there = {table for table, _ in columns} | {f"{table}.{column}" for table, column in columns}
    assert set(said) <= there, "nothing is excused that does not exist"


def kinds_kept_in(source: str) -> set[str]:
    """The kind of each thing that a program keeps notes of; `?` where it cannot be read off."""
    tree = ast.parse(source)
    functions = {one.name: one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}

    def kind(of: ast.expr, inside: ast.AST) -> set[str]:
        match of:
            case ast.Constant(value=str(text)) | ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
                return {text.partition(":")[0]} if ":" in text else {"?"}
            case ast.Name(id=name):
                given = [
                    one.value
                    for one in ast.walk(inside)
                    if isinstance(one, ast.Assign | ast.AnnAssign | ast.NamedExpr) and one.value is not None
                    for target in (one.targets if isinstance(one, ast.Assign) else [one.target])
                    if isinstance(target, ast.Name) and target.id == name
                ]
                return set().union(*(kind(value, inside) for value in given)) or {"?"}
            case ast.Call(func=ast.Name(id=name)) if name in functions:
                made = [one for one in ast.walk(functions[name]) if isinstance(one, ast.Return) and one.value]
                return set().union(*(kind(one.value, functions[name]) for one in made if one.value)) or {"?"}
            case ast.IfExp(body=one, orelse=other):
                return kind(one, inside) | kind(other, inside)
            case _:
                return {"?"}

    found = set()
    for inside in functions.values():
        for call in ast.walk(inside):
            match call:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="notes"), attr="keep"), args=[_, thing, *_]):
                    found |= kind(thing, inside)
    return found


def test_every_kind_of_note_is_known_to_forgetting() -> None:
    """Whoever keeps notes of a new kind of thing says in `privacy.NOTES` whose they are."""
    kinds = set()
    for file in [*Path("storage").glob("*.py"), *Path("handlers").glob("*.py"), *Path("bot").rglob("*.py")]:
        source = file.read_text("utf-8")
        kept = kinds_kept_in(source)
        assert "?" not in kept, f"{file}: call the kind by its name where notes are kept"
        kinds |= kept
        assert "from storage.notes" not in source, f"{file}: import the module, so that this test sees who keeps notes"
        assert file.name == "notes.py" or "INSERT INTO notes" not in source
    assert kinds == set(privacy.NOTES)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ('await notes.keep(tx, f"offer:{id_}", text)', "offer"),
        ('thing = f"offer:{id_}"\n    await notes.keep(tx, thing, text)', "offer"),
        ("return [notes.keep(tx, name_of(one), text) for one in many]", "need"),
        ("await notes.keep(tx, given, text)", "?"),
    ],
)
def test_a_kind_of_note_is_seen_also_where_it_is_put_together_elsewhere(written: str, kind: str) -> None:
    source = f"async def keep(tx, given):\n    {written}\n\ndef name_of(one):\n    return f'need:{{one}}'\n"
    assert kinds_kept_in(source) == {kind}


def test_every_decision_about_a_person_is_known_to_forgetting() -> None:
    about = {
        parameter.name
        for router in commands().routers
        for command in router.commands
        if command.proposal is not None
        for parameter in command.parameters
        if isinstance(parameter.kind, PersonKind)
    }
    assert about <= set(privacy.DECIDED_ABOUT)


async def test_what_was_decided_about_somebody_names_them_no_more(quedlinburg: Folder) -> None:
    """The words of decisions are in the log: with a pseudonym, or not at all where they are about the person."""
    practice = quedlinburg.practice
    await two_decide(practice.app.database)
    for line in (
        "/nickname Flossie",
        "/role Flossie-Schlüssel @eli",
    ):
        await practice.say(WHO if "nick" in line else "ana", line)
    await practice.press("ben", "Agree")
    await practice.say("ana", f"/agreement Ask Flossie or {NAME} for the key.")
    await practice.press("ben", "Agree")
    await practice.say("ana", f"/rename {NAME} and the others")
    await practice.say("ana", f"/exclude @{WHO} {NOTE}", quedlinburg.dm("ana"))
    await practice.say("ana", f"/care {NAME} shouts at me: {NOTE}", quedlinburg.dm("ana"))

    async def kept(tx: Reader) -> list[str]:
        return [thing.split(":")[0] for (thing,) in await tx.all("SELECT thing FROM notes WHERE text IS NOT NULL")]

    before = await practice.app.database.read(kept)
    assert {"decision", "role", "agreement", "transfer", "care"} <= set(before)
    words = f"{EVERYTHING} Flossie"
    assert quedlinburg.words_in(words)
    await forget(quedlinburg)
    assert quedlinburg.words_in(words) == []
    await practice.say("ana", "/agreement", quedlinburg.dm("ana"))
    assert "Ask Former member 5 or Former member 5 for the key." in quedlinburg.visible(quedlinburg.dm("ana"))
    await practice.say("ana", "/log", quedlinburg.dm("ana"))
    assert "a name was replaced" in quedlinburg.visible(quedlinburg.dm("ana"))


async def test_what_does_not_fit_into_one_file_is_shortened_and_said(folder: Folder) -> None:
    for _ in range(30):
        await folder.practice.say("chi", f"/thank @eli 1m {NOTE}")
    database = folder.practice.app.database
    whole = await database.read(lambda tx: privacy.hand_out(tx, 3, now=SCRIPT_START, characters_max=1_000_000))
    assert whole.left_out == ()
    short = await database.read(
        lambda tx: privacy.hand_out(tx, 3, now=SCRIPT_START, characters_max=len(whole.text) // 2)
    )
    assert "exchanges" in short.left_out
    assert (
        json.loads(short.text)["exchanges"]
        == json.loads(whole.text)["exchanges"][: len(json.loads(short.text)["exchanges"])]
    )


# --- what others see -------------------------------------------------------------------------------------------


async def test_the_group_sees_of_a_name_what_its_owner_has_chosen(quedlinburg: Folder) -> None:
    practice = quedlinburg.practice
    await practice.say(WHO, "/nickname Flossie")
    await practice.say(WHO, "/shown first", quedlinburg.dm(WHO))
    shown = quedlinburg.visible(practice.group)
    assert "Ben helped Xanthippe: 2 h." in shown, "cards are brought up to date"
    before = set(practice.console.posted)
    for line in (f"/thank @{WHO} 5m", "/settings", "/propose", "/undo"):
        await practice.say("ana", line)
    await practice.say(WHO, "/thank @ben 5m")
    await practice.say("ana", "/thank flossie 5m")
    await practice.say("ana", f'/thank "{NAME}" 5m')
    new = "\n".join(one.text for key, one in practice.console.posted.items() if key not in before)
    assert new.count("Xanthippe helped Ana: 5 min.") == 3, "found by every name"
    assert not re.search("Quedlinburg|Flossie", new)
    await practice.say(WHO, "/shown nickname", quedlinburg.dm(WHO))
    assert "Xanthippe" not in without_welcome(quedlinburg.visible(practice.group))


async def test_a_new_nickname_is_what_is_seen_from_then_on(town: Town) -> None:
    await town.whispers("chi", "/shown full")
    assert await town.says("chi", "/nickname Flossie") == "Chi goes by Flossie now."
    assert "Flossie helped Ana" in await town.says("ana", "/thank @chi 5m")
    await town.whispers("chi", "/shown full")
    assert "Chi helped Ana" in await town.says("ana", "/thank @chi 5m")


async def test_a_nickname_can_be_shown_only_where_there_is_one(town: Town) -> None:
    assert "You have no nickname here yet." in await town.whispers("chi", "/shown nickname")


async def test_privacy_says_what_is_kept_and_the_buttons_do_the_rest(town: Town) -> None:
    await town.says("chi", "/privacy")
    heard = town.heard("chi")[-1]
    for kind in retention.KINDS:
        assert kind.what.one in heard
    assert "12 months after you leave" in heard
    await town.presses("chi", "Export")
    assert "Here is everything" in town.heard("chi")[-1] or "sends a file" in town.transcript[-1][1]
    await town.presses("chi", "Forget me")
    assert town.heard("chi")[-1].startswith("Shall I forget you?")


async def test_a_message_for_somebody_forgotten_that_cannot_be_delivered_does_not_keep_the_chat(
    quedlinburg: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    await quedlinburg.practice.say(WHO, "/forget me", quedlinburg.dm(WHO))

    async def unreachable(adapter: ConsoleAdapter, letter: Letter) -> str:
        raise NotReached

    with monkeypatch.context() as patch:
        patch.setattr(ConsoleAdapter, "send", unreachable)
        patch.setattr("bot.delivery.GIVEN_UP_AFTER", timedelta(0))
        await quedlinburg.practice.console.press(
            WHO, "Yes, forget me for good", within=quedlinburg.dm(WHO), manages_chat=False
        )
        quedlinburg.practice.clock.move(quedlinburg.practice.clock() + timedelta(minutes=1))
        # Only what is owed: what falls due now would be owed from now on, and nothing arrives.
        await quedlinburg.practice.app.delivery.settle()
    assert quedlinburg.words_in(EVERYTHING) == []
