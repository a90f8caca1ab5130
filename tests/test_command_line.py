"""The command line as whoever runs the bot types it: real processes, real files, our own Bot API server."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections import namedtuple
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from bot import checks, questions
from bot.app import App
from bot.config import load
from bot.process import CannotStart, serve
from tests.servers.running import RunningBot, on_telegram
from tests.servers.telegram_api import TOKEN, TelegramServer

ROOT = Path(__file__).parent.parent
SECONDS_MAX = 60.0
SECRET = TOKEN.partition(":")[2]


def solibot(*arguments: str, said: str = "", folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run `solibot` with these arguments in a folder, and this on its standard input."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SOLIBOT_")}
    environment["PYTHONPATH"] = str(ROOT)
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments], input=said, cwd=folder, env=environment, capture_output=True,
        text=True, timeout=SECONDS_MAX, check=False,
    )  # fmt: skip


async def solibot_beside(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The same while the server of this test goes on."""
    return await asyncio.to_thread(lambda: solibot(*arguments, folder=folder))


def no_traceback(done: subprocess.CompletedProcess[str]) -> None:
    assert "Traceback" not in done.stdout + done.stderr


def private(file: Path) -> bool:
    return file.stat().st_mode & 0o077 == 0


# --- quick and lazy ------------------------------------------------------------------------------------------------


def loaded(*arguments: str) -> set[str]:
    """The modules that a command loads."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "bot", *arguments], input="", cwd=ROOT, capture_output=True,
        text=True, timeout=SECONDS_MAX, check=True,
    )  # fmt: skip
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


def test_version_and_help_load_next_to_nothing() -> None:
    for option in ("--version", "--help"):
        assert not {"pydantic", "bot.app", "asyncio", "sqlite3"} & loaded(option)
    assert solibot("--version").stdout.startswith("solibot 0.")
    shown = solibot("--help").stdout
    assert all(command in shown for command in ("try", "init", "run", "check", "status"))


def test_trying_loads_no_network_and_no_prompt_where_none_is_needed() -> None:
    found = loaded("try", "--script", "-")
    assert "bot.practice" in found
    networks = {"telegram", "nio", "aiohttp", "bot.adapters.telegram", "bot.adapters.matrix"}
    assert not {*networks, "prompt_toolkit", "pydantic_settings"} & found


def test_only_what_is_configured_is_loaded(tmp_path: Path) -> None:
    telegram = f'[telegram]\ntoken = "{TOKEN}"\n'
    matrix = '[matrix]\nuser = "@solibot:example.org"\n'
    program = """
        import sys
        from pathlib import Path
        from bot import checks
        from bot.config import load
        from bot.process import networks
        found = networks(load(Path(sys.argv[1])))
        print(*(network.kind.network for network in found), *({"telegram", "nio"} & set(sys.modules)))
    """
    for text, expected in ((telegram, {"telegram"}), (matrix, {"matrix", "nio"}), ("", set())):
        file = tmp_path / "config.toml"
        file.write_text(text)
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program), str(file)], cwd=ROOT, capture_output=True, text=True,
            timeout=SECONDS_MAX, check=True,
        )  # fmt: skip
        assert set(done.stdout.split()) == expected


def test_what_is_mistyped_is_named() -> None:
    done = solibot("tyr")
    assert done.returncode == 2
    assert "Did you mean 'try'" in done.stderr


# --- try ------------------------------------------------------------------------------------------------------------


def test_a_script_that_is_understood_ends_with_0() -> None:
    done = solibot("try", "--script", "-", said="ana: /thank @ben 1h30 fixed the bike\nben (dm): /balance\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "ben (dm) | bot: You have 1 h 30."


def test_a_line_that_is_not_understood_ends_it_with_2_and_its_number() -> None:
    done = solibot("try", "--script", "-", said="# greeting\nana: hello\nnonsense\nana: never said\n")
    assert done.returncode == 2
    assert done.stderr.startswith("line 3: ")
    assert done.stdout == "Riverside | ana: hello\n"


def test_an_internal_error_ends_it_with_1_and_says_everything_about_it() -> None:
    program = """
        import sys
        from storage import transfers
        async def fails(*_, **__): raise RuntimeError("the reason")
        transfers.record = fails
        sys.argv = ["solibot", "try", "--script", "-"]
        from bot.__main__ import main
        main()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], input="ana: /thank @ben 1h\nana: hello\n", cwd=ROOT,
        capture_output=True, text=True, timeout=SECONDS_MAX, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "the reason" in done.stderr
    assert "Something went wrong on our side" in done.stdout
    assert done.stdout.endswith("Riverside | ana: hello\n")


def test_a_script_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    done = solibot("try", "--script", "nowhere.chat", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "The script nowhere.chat cannot be read (no such file or directory).\n"
    (tmp_path / "odd.chat").write_bytes(b"ana: \xff\n")
    assert "is not text in UTF-8" in solibot("try", "--script", "odd.chat", folder=tmp_path).stderr


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = solibot("try", "--script", "-", "--data", "file", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("The folder file cannot be used (")
    (tmp_path / "practice.sqlite").write_text("not a database, but longer than its header would be " * 10)
    done = solibot("try", "--script", "-", "--data", ".", folder=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "cannot be used" in done.stderr


# --- init -----------------------------------------------------------------------------------------------------------

ANSWERS = f"\n{TOKEN}\n\nes\ny\n"


def test_init_asks_and_writes_files_that_only_you_can_read(tmp_path: Path) -> None:
    done = solibot("init", said=ANSWERS, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "@BotFather" in done.stdout
    assert "/newbot" in done.stdout
    assert SECRET not in done.stdout + done.stderr
    assert private(tmp_path / "config.toml")
    assert private(tmp_path / "database.key")
    settings = load(tmp_path / "config.toml")
    assert settings.telegram_token == TOKEN
    assert settings.bot.language == "es"
    assert settings.database_key == (tmp_path / "database.key").read_text().strip()
    assert len(settings.database_key) == 64
    assert settings.database_key not in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.toml", "database.key"]


def test_init_writes_where_it_is_told_and_the_token_can_come_later(tmp_path: Path) -> None:
    done = solibot("init", "--config", "etc/bot.toml", "--data", "var", said="\n\n\nn\n", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "put the token into [telegram]" in done.stdout
    text = (tmp_path / "etc" / "bot.toml").read_text()
    assert f'\ndata = "{tmp_path}/var"\n' in text
    assert "\n# token = " in text
    assert not (tmp_path / "etc" / "database.key").exists()


def test_init_overwrites_nothing_without_asking(tmp_path: Path) -> None:
    file, key = tmp_path / "config.toml", tmp_path / "database.key"
    file.write_text("mine")
    key.write_text("my key")
    for answer in ("n\n", "\n", ""):
        done = solibot("init", said=answer, folder=tmp_path)
        assert done.returncode == 1
        assert file.read_text() == "mine"
    done = solibot("init", said=f"y\n{ANSWERS}", folder=tmp_path)
    assert done.returncode == 0
    assert key.read_text() == "my key"
    assert file.read_text() != "mine"
    assert private(file)


@pytest.mark.soak
def test_init_that_is_not_answered_writes_nothing(tmp_path: Path) -> None:
    nowhere = "matrix\n\n\nn\n" + "@solibot:127.0.0.1:9\n\n" * 3
    for answers in (
        "", "irc\nirc\nirc\n", f"\n{TOKEN}\n", f"\n{TOKEN}\n\nklingon\nklingon\nklingon\n",
        "t\nhidden\nhidden\nhidden\n", nowhere,
    ):  # fmt: skip
        done = solibot("init", said=answers, folder=tmp_path)
        assert done.returncode == 1
        assert "nothing is written" in done.stderr
        assert "hidden" not in done.stdout + done.stderr
        no_traceback(done)
        assert list(tmp_path.iterdir()) == []


def test_init_says_how_to_get_encryption_where_it_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter(["", TOKEN, "", ""])
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    questions.ask(tmp_path / "config.toml", None)
    assert 'extra "sqlcipher"' in capsys.readouterr().out
    assert load(tmp_path / "config.toml").database_key is None


async def test_init_leaves_a_database_that_is_not_encrypted_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await _made(tmp_path / "data" / "solibot.sqlite")
    answers = iter(["", TOKEN, "", ""])
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    questions.ask(tmp_path / "config.toml", None)
    assert "not encrypted; it stays so" in capsys.readouterr().out
    assert load(tmp_path / "config.toml").database_key is None


def test_init_where_nothing_can_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = solibot("init", "--config", "file/config.toml", said=ANSWERS, folder=tmp_path)
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    no_traceback(done)


# --- run ------------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def server() -> AsyncIterator[TelegramServer]:
    """Telegram, as far as the bot can tell."""
    async with TelegramServer() as server:
        server.short_polls(0)
        yield server


@pytest.fixture
def bot(server: TelegramServer, tmp_path: Path) -> RunningBot:
    """The bot, ready to be started."""
    return on_telegram(server, tmp_path)


async def founded(server: TelegramServer) -> None:
    """A committee of two in a group."""
    ana = server.user(first_name="Ana", username="ana")
    ben = server.user(first_name="Ben", username="ben")
    server.set_privacy(False)
    group = server.supergroup("Riverside", creator=ana, members=(ben,))
    await server.reply(server.say(ana, group, "/setup"), within=20)
    await server.reply(server.say(ben, group, "/join"), within=20)
    await server.reply(server.say(ana, group, "/thank @ben 1h30 fixed the bike"), within=20)


def log_of(bot: RunningBot) -> list[dict[str, object]]:
    """What the bot has logged; every line is an object."""
    return [json.loads(line) for line in bot.log.read_text().splitlines()]


async def test_the_bot_runs_logs_no_words_and_is_gone_soon_after_sigterm(
    server: TelegramServer, bot: RunningBot
) -> None:
    await bot.start()
    await server.listening(within=20)
    await founded(server)
    began = time.monotonic()
    assert await bot.stop() == 0
    assert time.monotonic() - began < 10
    found = log_of(bot)
    assert [line["event"] for line in found if line["logger"] == "bot.app"] == ["ready", "stopped"]
    text = bot.log.read_text()
    for secret in (SECRET, "fixed the bike", "ana", "Ana", "Riverside", "-100"):
        assert secret not in text, secret
    assert private(bot.folder / "data")
    assert all(private(file) for file in (bot.folder / "data").iterdir())


@pytest.mark.soak
async def test_it_is_gone_within_ten_seconds_when_the_network_hangs_and_says_later_what_it_owes(
    server: TelegramServer, bot: RunningBot
) -> None:
    await bot.start()
    await server.listening(within=20)
    await founded(server)
    [group] = [chat for chat in server.chats.values() if chat.title == "Riverside"]
    ana = next(user for user in server.users.values() if user.username == "ana")
    hanging = server.fault("sendMessage", "hang", times=None)
    said = server.say(ana, group, "/thank @ben 45m")
    await server.wait_for(lambda: hanging.fired, 20)
    began = time.monotonic()
    assert await bot.stop() == 0
    assert 4 < time.monotonic() - began < 10
    server.faults.clear()
    await bot.start()
    assert "45 min" in str((await server.reply(said, within=30)).text)
    assert await bot.stop() == 0


async def test_even_when_the_program_itself_is_stuck_it_is_gone_in_time(server: TelegramServer, tmp_path: Path) -> None:
    program = f"""
        import sys, time
        from bot import process
        from bot.delivery import Delivery
        process.STOP_SECONDS_MAX = 1
        Delivery.stop = lambda self, *, within_seconds: time.sleep(60)
        sys.argv = ["solibot", "run", "--config", "{tmp_path}/config.toml"]
        from bot.__main__ import main
        main()
    """
    bot = on_telegram(server, tmp_path, [sys.executable, "-c", textwrap.dedent(program)])
    await bot.start()
    await server.listening(within=20)
    assert await bot.stop() == 1
    assert log_of(bot)[-1]["event"] == "stopped without waiting any longer"


async def test_a_second_process_is_told_that_there_is_a_first(server: TelegramServer, bot: RunningBot) -> None:
    await bot.start()
    await server.listening(within=20)
    second = await solibot_beside("run", folder=bot.folder)
    assert second.returncode == 1
    assert second.stderr.startswith(f"Another process of the bot uses the data folder {bot.folder}/data.")
    assert await bot.stop() == 0


async def test_a_token_that_telegram_does_not_accept_is_a_sentence(server: TelegramServer, bot: RunningBot) -> None:
    server.revoke_token()
    for command, code in (("run", 2), ("check", 1)):
        done = await solibot_beside(command, folder=bot.folder)
        assert done.returncode == code
        assert "Telegram does not accept the token" in done.stdout + done.stderr
        assert SECRET not in done.stdout + done.stderr
        no_traceback(done)


@pytest.mark.parametrize("command", ["run", "check", "status"])
def test_wrong_settings_end_with_2_and_a_sentence(command: str, tmp_path: Path) -> None:
    done = solibot(command, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "There is no file config.toml. “solibot init” makes one; --config FILE names one that is elsewhere.\n"
    )
    (tmp_path / "other.toml").write_text('[telegram]\ntoken = "hidden-word"\ntokn = "hidden-word"\n')
    done = solibot(command, "--config", "other.toml", folder=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 2
    assert "hidden-word" not in done.stderr
    no_traceback(done)


def test_without_a_network_there_is_nothing_to_run(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    done = solibot("run", folder=tmp_path)
    assert done.returncode == 2
    assert "solibot try" in done.stderr


async def _made(file: Path, key: str | None = None) -> None:
    """A database as the bot makes it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    app = await App.open(file, key=key, popups={})
    await app.close()


def _settings(folder: Path, more: str = "") -> Path:
    file = folder / "config.toml"
    file.write_text(f'[telegram]\ntoken = "{TOKEN}"\nbase_url = "http://127.0.0.1:9/bot"\n{more}')
    file.chmod(0o600)
    return file


KEY, OTHER_KEY = "ab" * 32, "cd" * 32


@pytest.mark.soak
async def test_a_database_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    async def said(more: str = "", *, prepare: Callable[[Path], None] | None = None, key: str | None = None) -> str:
        data = tmp_path / "data"
        shutil.rmtree(data, ignore_errors=True)
        await _made(data / "solibot.sqlite", key)
        if prepare is not None:
            prepare(data / "solibot.sqlite")
        _settings(tmp_path, more)
        done = await solibot_beside("run", folder=tmp_path)
        no_traceback(done)
        assert KEY not in done.stderr
        return f"{done.returncode} {done.stderr}"

    def newer(file: Path) -> None:
        connection = sqlite3.connect(file)
        connection.execute("PRAGMA user_version = 999")
        connection.close()

    found = await said(key=KEY)
    assert found.startswith("2 The database ")
    assert "is encrypted, or it is no database. Name its key" in found
    found = await said(f'[database]\nkey = "{KEY}"\n')
    assert found.startswith("2 ")
    assert "is not encrypted, but the section [database] has a key" in found
    found = await said(f'[database]\nkey = "{OTHER_KEY}"\n', key=KEY)
    assert found.startswith("2 ")
    assert "The key in the section [database] is not the one of" in found
    found = await said(prepare=newer)
    assert found.startswith("1 ")
    assert "was last used by a newer version of Solibot" in found


def test_a_data_folder_that_cannot_be_used_is_a_sentence(tmp_path: Path) -> None:
    settings = load(_settings(tmp_path))
    (tmp_path / "data").write_text("")
    with pytest.raises(CannotStart, match="cannot be used"):
        serve(settings)


# --- check and status -----------------------------------------------------------------------------------------------


async def found(folder: Path, more: str = "") -> list[str]:
    """What `check` finds, a line each."""
    file = _settings(folder, more)
    return [str(finding) async for finding in checks.findings(load(file), file)]


def about(subject: str, lines: list[str]) -> str:
    """What was found about something."""
    return "\n".join(line for line in lines if line[7:].startswith(f"{subject}: "))


async def test_check_and_status_tell_of_a_bot_that_is_well(server: TelegramServer, bot: RunningBot) -> None:
    before = await solibot_beside("check", folder=bot.folder)
    assert before.returncode == 0, before.stdout
    assert "ok     database: there is none yet" in before.stdout
    assert (await solibot_beside("status", folder=bot.folder)).stdout.startswith("process    not running\n")
    await bot.start()
    await server.listening(within=20)
    await founded(server)
    done = await solibot_beside("check", folder=bot.folder)
    assert done.returncode == 0, done.stdout
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert all(line.startswith("ok     ") for line in lines)
    for expected in (
        "config: config.toml",
        "database: whole, not encrypted",
        "in use by the running bot",
        "books: hours sum to zero, balances agree, chains are whole (committees: 1, ",
        "as the network says",
        "telegram: Telegram knows the bot as @solibot",
        "group of Riverside: the bot is member",
    ):
        assert expected in done.stdout
    told = (await solibot_beside("status", folder=bot.folder)).stdout
    for expected in ("process    running", "telegram   last successful poll ", "outbox     0 messages wait", "GB free"):
        assert expected in told
    assert await bot.stop() == 0
    server.kick(server.bot, next(chat for chat in server.chats.values() if chat.title == "Riverside"))
    done = await solibot_beside("check", folder=bot.folder)
    assert done.returncode == 1
    wrong = [line for line in done.stdout.splitlines() if not line.startswith("ok     ")]
    assert wrong == ["WRONG  group of Riverside: the bot is not in it any more. -> add it to the group again"]


async def test_check_finds_books_that_are_wrong(tmp_path: Path) -> None:
    file = tmp_path / "data" / "solibot.sqlite"
    await _made(file)
    connection = sqlite3.connect(file)
    connection.executescript(
        """INSERT INTO committees (id, uid, name, language, zone, created_us)
        VALUES (1, 'u', 'Riverside', 'en', 'UTC', 0);
        INSERT INTO accounts (committee_id, balance) VALUES (1, 5);
        INSERT INTO entries VALUES (1, 1, 'founded', 0, '{}', '%s');"""
        % ("0" * 64)
    )
    connection.close()
    books = about("books", await found(tmp_path)).splitlines()
    assert [line.partition(" -> ")[0] for line in books] == [
        "WRONG  books: 1 balances are not what their postings sum to.",
        "WRONG  books: the hours of Riverside sum to 5 minutes, not to zero.",
        "WRONG  books: entry 1 of Riverside does not follow on the one before.",
    ]


async def test_check_changes_nothing_and_brings_nothing_up_to_date(tmp_path: Path) -> None:
    file = tmp_path / "data" / "solibot.sqlite"
    assert "there is none yet" in about("database", await found(tmp_path))
    assert not file.parent.exists()
    await _made(file)
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 0")
    connection.close()
    before = file.read_bytes()
    assert "of an older version" in about("database", await found(tmp_path))
    assert file.read_bytes() == before


async def test_check_tells_of_a_database_that_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "data" / "solibot.sqlite"
    await _made(file, KEY)
    assert "encrypted, or it is no database. -> Name its key" in about("database", await found(tmp_path))
    assert "whole, encrypted" in about("database", await found(tmp_path, f'[database]\nkey = "{KEY}"\n'))
    file.unlink()
    await _made(file)
    with file.open("r+b") as damaged:
        damaged.seek(8192)
        damaged.write(b"\xff" * 20_000)
    line = about("database", await found(tmp_path))
    assert line.startswith("WRONG  database: ")
    assert "newest copy that is whole" in line.lower()


async def test_check_tells_who_else_can_read_the_secrets(tmp_path: Path) -> None:
    file = _settings(tmp_path)
    file.chmod(0o644)
    lines = [str(finding) async for finding in checks.findings(load(file), file)]
    assert f"WRONG  config: every user of this machine can get at {file}. -> chmod o-rwx {file}" in lines


async def test_check_tells_of_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 9, 5_000_000))
    assert (
        about("disk", await found(tmp_path))
        == "WRONG  disk: only 5.0 MB are free. -> make room: a full disk stops the bot"
    )


async def test_check_compares_the_clock_with_the_network(
    server: TelegramServer, bot: RunningBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(bot.folder / "config.toml")
    clock = [str(finding) async for finding in checks.findings(settings, None) if finding.subject == "clock"]
    assert clock[0].endswith("as the network says")
    monkeypatch.setattr(checks, "CLOCK_OFF_MAX", -checks.CLOCK_OFF_MAX)
    clock = [str(finding) async for finding in checks.findings(settings, None) if finding.subject == "clock"]
    assert "timedatectl" in clock[0]


async def test_check_goes_on_when_telegram_cannot_be_reached(tmp_path: Path) -> None:
    lines = await found(tmp_path)
    assert about("telegram", lines).startswith("WRONG  telegram: Telegram cannot be reached")
    assert "not compared: 127.0.0.1 did not answer" in about("clock", lines)
    assert SECRET not in "\n".join(lines)


def test_times_and_sizes_are_told_as_people_read_them() -> None:
    from datetime import timedelta

    assert [checks.ago(timedelta(seconds=seconds)) for seconds in (-3, 12, 130, 7300, 400_000)] == [
        "0 s ago", "12 s ago", "2 min ago", "2 h ago", "4 days ago",
    ]  # fmt: skip
    assert [checks.size(count) for count in (5, 1500, 2_500_000, 85_400_000_000)] == [
        "5 B",
        "1.5 kB",
        "2.5 MB",
        "85.4 GB",
    ]


def test_the_guide_for_whoever_runs_it_names_only_commands_that_there_are() -> None:
    guide = "\n".join((ROOT / "docs" / name).read_text("utf-8") for name in ("host.md", "host/solibot.service"))
    named = re.findall(r"(?:bin/|^|`)solibot ([a-z-]+)((?: --[a-z]+)*)", guide, re.MULTILINE)
    anywhere = {"restore", "key"}
    """These look at no settings."""
    assert {command for command, _ in named} == {
        *("init", "check", "run", "status", "backup", "handover", "root-key"),
        *anywhere,
    }
    for command in {command for command, _ in named} - anywhere:
        shown = solibot(command, "--help").stdout
        assert all(option in shown for option in ("--config", "--data"))
