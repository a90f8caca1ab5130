"""Setting the bot up at Matrix as whoever runs it does: `solibot init`, `check` and `run` against a real homeserver."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from bot import checks, questions
from bot.adapters import matrix_account as account
from bot.adapters import matrix_check
from bot.adapters.matrix_account import CannotLogIn, NeedsLogin, Session, WrongKey
from bot.adapters.matrix_api import ApiProblem, Unreachable
from bot.adapters.matrix_keys import upload_keys
from bot.app import App
from bot.config import load
from tests.servers.matrix_members import Account, Json, Member, reads_only_signed
from tests.servers.running import RunningBot
from tests.servers.synapse import Homeserver
from tests.servers.telegram_api import TOKEN, TelegramServer

ROOT = Path(__file__).parent.parent.parent
SECONDS_MAX = 60.0


@pytest.fixture(autouse=True)
def _private_files() -> Iterator[None]:
    """As the script `solibot` does it."""
    before = os.umask(0o077)
    yield
    os.umask(before)


async def solibot(*arguments: str, said: str = "", folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `solibot` with these arguments in a folder, and this on its standard input."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SOLIBOT_")}
    environment["PYTHONPATH"] = str(ROOT)
    return await asyncio.to_thread(
        lambda: subprocess.run(
            [sys.executable, "-m", "bot", *arguments], input=said, cwd=folder, env=environment, capture_output=True,
            text=True, timeout=SECONDS_MAX, check=False,
        )
    )  # fmt: skip


@dataclass
class Bot:
    """The bot's account, and the folder of whoever runs it."""

    homeserver: Homeserver
    account: Account
    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def data(self) -> Path:
        return self.folder / "data" / "matrix"

    @property
    def session(self) -> Session:
        kept = account.kept(self.data)
        assert kept is not None
        return kept

    def configure(self, more: str = "", *, password: str | None = "", url: str | None = None) -> None:
        """Write the settings. `password`: None leaves it out."""
        said = f'password = "{password or self.account.password}"\n' if password is not None else ""
        self.config.write_text(
            f'[matrix]\nuser = "{self.account.user}"\nhomeserver = "{url or self.homeserver.url}"\n{said}{more}'
        )
        self.config.chmod(0o600)

    async def prepare(self) -> Session:
        """Log in as `init` does, alone in the account."""
        given = self.account
        session, others = await matrix_check.prepare(
            self.data, address=self.homeserver.url, user=given.user, password=given.password
        )
        await matrix_check.settle(self.data, others, password=given.password, log_out=True)
        self.configure()
        return session

    @asynccontextmanager
    async def itself(self) -> AsyncIterator[Member]:
        """What the bot could do with its own token."""
        session = self.session
        member = Member(session.homeserver, Account(session.user, session.device, session.token, ""))
        try:
            yield member
        finally:
            await member.close()

    async def join(self, room: str) -> None:
        async with self.itself() as bot:
            await bot.call("POST", f"/v3/join/{quote(room, safe='')}")

    async def serves(self, **rooms: str) -> None:
        """The database of a bot with these committees, each with its room."""
        file = self.folder / "data" / "solibot.sqlite"
        if not file.exists():
            app = await App.open(file, popups={})
            await app.close()
        connection = sqlite3.connect(file)
        for name, room in rooms.items():
            [[number]] = connection.execute(
                """INSERT INTO committees (uid, name, language, zone, created_us) VALUES (?, ?, 'en', 'UTC', 0)
                   RETURNING id""",
                (name, name),
            )
            connection.execute(
                "INSERT INTO chats (address, private, title, committee_id) VALUES (?, 0, ?, ?)",
                (f"matrix:{room}", name, number),
            )
        connection.commit()
        connection.close()

    async def check(self) -> list[str]:
        """What `check` finds, a line each."""
        return [str(finding) async for finding in checks.findings(load(self.config), self.config)]


def about(subject: str, lines: list[str]) -> str:
    """What was found about something."""
    return "\n".join(line for line in lines if line[7:].startswith(f"{subject}: "))


def wrong(lines: list[str]) -> list[str]:
    return [line for line in lines if not line.startswith("ok     ")]


@pytest.fixture
async def bot(homeserver: Homeserver, tmp_path: Path) -> Bot:
    """An account for the bot; nobody has set it up yet."""
    return Bot(homeserver, await homeserver.register(f"bot-{secrets.token_hex(3)}", secrets.token_hex(8)), tmp_path)


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message limit takes time, and does not matter here."""

    async def limit(_: object) -> matrix_check.Found:
        return "", None

    monkeypatch.setattr(matrix_check.Inspection, "limit", limit)


# --- init -----------------------------------------------------------------------------------------------------------


def answers(bot: Bot, *, network: str = "matrix", password: str | None = None, inviter: str = "") -> str:
    """What is typed when `init` asks: network, data, language, encryption; account, homeserver, inviter, password."""
    telegram = f"{TOKEN}\n" if network == "both" else ""
    first = f"{network}\n{telegram}\n\nn\n{bot.account.user}\n{bot.homeserver.url}\n{inviter}\n"
    # The login that came with the account is not the bot's.
    return f"{first}{password or bot.account.password}\ny\n"


async def test_init_logs_in_makes_the_device_and_check_finds_all_in_order(bot: Bot) -> None:
    done = await solibot("init", said=answers(bot, inviter="@ana:riverside.test"), folder=bot.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    for expected in ("register_new_matrix_user", "do not use the account there", "type !setup there", "Log them out?"):
        assert expected in done.stdout
    assert bot.account.password not in done.stdout + done.stderr
    settings = load(bot.config)
    assert settings.telegram is None
    assert settings.matrix is not None
    assert settings.matrix.password is None
    assert settings.matrix_password == bot.account.password
    assert settings.matrix.invites_from == ("@ana:riverside.test",)
    assert settings.matrix_homeserver == bot.homeserver.url
    found = {str(file.relative_to(bot.folder)): file for file in bot.folder.rglob("*") if file.is_file()}
    device = f"data/matrix/store/{bot.session.user}_{bot.session.device}.db"
    kept = {"session.json", "identity.json", "pickle.key", "trust.json"}
    assert set(found) >= {"config.toml", "matrix.password", device, *(f"data/matrix/{name}" for name in kept)} - {
        "data/matrix/trust.json"
    }
    assert all(file.stat().st_mode & 0o077 == 0 for file in (bot.data, *bot.folder.rglob("*")))

    done = await solibot("check", folder=bot.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert wrong(lines) == []
    for expected in (
        "as the network says",
        f"matrix: There is a homeserver at {bot.homeserver.url}; it speaks Matrix 1.",
        f"matrix: The bot is logged in as {bot.account.user}, device {bot.session.device}.",
        "matrix: The bot's device is signed by its identity: strict clients can read it.",
        "matrix: Nobody else is logged in to the bot's account.",
        "matrix keys: whole, and they open",
        "matrix limit: none that matters: 30 messages at a stretch were let through",
    ):
        assert expected in done.stdout
    member = Member(bot.homeserver.url, await bot.homeserver.register(f"ana-{secrets.token_hex(3)}"))
    try:
        assert await reads_only_signed(member, bot.session.user, bot.session.device) is None
    finally:
        await member.close()
    async with bot.itself() as itself:
        assert await itself.joined_rooms() == set()


async def asked(bot: Bot, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`init`, in this process."""
    typed = iter(said.splitlines())

    def answer(_: str) -> str:
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", answer)
    await asyncio.to_thread(questions.ask, bot.config, None)
    assert list(typed) == []


async def test_a_wrong_password_is_asked_for_again(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = answers(bot)
    await asked(bot, right.replace(bot.account.password, f"wrong\nwrong\n{bot.account.password}"), monkeypatch)
    assert capsys.readouterr().out.count("the user name or the password is not right") == 2
    assert load(bot.config).matrix_password == bot.account.password


async def test_without_the_right_password_nothing_is_written(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(questions.GivenUp, match="not logged in, so nothing is written"):
        await asked(bot, answers(bot, password="wrong\nwrong\nwrong").removesuffix("y\n"), monkeypatch)
    assert [file.name for file in bot.folder.rglob("*") if file.is_file()] == ["solibot.lock"]


async def test_the_password_can_come_later(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await asked(bot, answers(bot, password="\n").removesuffix("\ny\n"), monkeypatch)
    assert f"put the password into [matrix] in {bot.config}" in capsys.readouterr().out
    assert load(bot.config).matrix_password is None
    lines = await bot.check()
    assert "not logged in, and there is no password in the settings. -> run “solibot init”" in about("matrix", lines)
    assert about("matrix keys", lines) == "ok     matrix keys: none yet"


async def test_matrix_can_be_added_to_a_bot_on_telegram(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    bot.config.write_text(f'[telegram]\ntoken = "{TOKEN}"\nmessages_per_minute_in_group = 7\n')
    _, _, account_and_password = answers(bot).partition("\nn\n")
    await asked(bot, f"y\n{account_and_password}", monkeypatch)
    settings = load(bot.config)
    assert settings.telegram is not None
    assert settings.telegram.messages_per_minute_in_group == 7
    assert settings.matrix_password == bot.account.password
    assert bot.session.user == bot.account.user


async def test_both_networks_are_set_up_at_once(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    await asked(bot, answers(bot, network="both"), monkeypatch)
    settings = load(bot.config)
    assert settings.telegram_token == TOKEN
    assert settings.matrix_password == bot.account.password


async def test_init_logs_in_again_and_leaves_the_settings_as_they_are(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await bot.prepare()
    (bot.folder / "mine.password").write_text("an old one\n")
    bot.configure('password_file = "mine.password"\ndevice_name = "Mine"\n', password=None)
    text = bot.config.read_text()
    # One that is not right is noticed, though nobody needs it as yet.
    await asked(bot, f"y\nwrong\n{bot.account.password}\n", monkeypatch)
    assert bot.session.device == before.device, "a device that is well is kept"
    assert bot.session.token != before.token
    await bot.homeserver.log_out_device(before.user, before.device)
    await asked(bot, f"y\n{bot.account.password}\n", monkeypatch)
    assert bot.session.device != before.device
    assert load(bot.config).matrix_password == bot.account.password
    assert bot.config.read_text() == text


async def test_init_leaves_a_running_bot_alone(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    await bot.prepare()
    before = bot.session
    from bot.app import only_process

    with only_process(bot.folder / "data"), pytest.raises(questions.GivenUp, match="The bot is running"):
        await asked(bot, f"y\n{bot.account.password}\n", monkeypatch)
    assert bot.session == before


async def test_another_account_does_not_take_over_the_folder(bot: Bot) -> None:
    await bot.prepare()
    with pytest.raises(matrix_check.OtherAccount, match="is the home of another account"):
        await matrix_check.prepare(
            bot.data, address=bot.homeserver.url, user="@other:riverside.test", password="irrelevant"
        )
    bot.config.write_text(bot.config.read_text().replace(bot.account.user, "@other:riverside.test"))
    assert f"but the bot is logged in as {bot.account.user}. -> change user" in about("matrix", await bot.check())
    bot.configure(url=bot.homeserver.url.replace("127.0.0.1", "localhost"))
    assert f"the bot is logged in at {bot.homeserver.url}. -> “solibot init” logs" in about("matrix", await bot.check())


# --- check: the account ---------------------------------------------------------------------------------------------


async def test_check_goes_on_when_the_homeserver_cannot_be_reached(bot: Bot) -> None:
    bot.configure(url="http://127.0.0.1:9")
    lines = await bot.check()
    expected = "WRONG  matrix: No homeserver was found: http://127.0.0.1:9: The homeserver does not answer ("
    assert expected in about("matrix", lines)
    assert "clock" in "\n".join(lines)
    bot.configure(url=f"{bot.homeserver.url}/elsewhere")
    assert "There is no Matrix homeserver: it answered 404" in about("matrix", await bot.check())


@pytest.mark.usefixtures("unmeasured")
async def test_check_tells_of_an_access_that_was_ended(bot: Bot) -> None:
    session = await bot.prepare()
    await bot.homeserver.log_out_device(session.user, session.device)
    [line] = wrong(await bot.check())
    assert line.startswith("WRONG  matrix: The homeserver has ended the bot's access. -> “solibot run” logs in again")
    bot.configure(password=None)
    [line] = wrong(await bot.check())
    assert "there is no password in the settings. -> run “solibot init”" in line


@pytest.mark.usefixtures("unmeasured")
async def test_check_tells_of_a_device_that_the_bot_did_not_make(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    await bot.prepare()
    thief = await Member.login(bot.homeserver.url, bot.account.user, bot.account.password)
    [line] = wrong(await bot.check())
    assert f"Somebody else is logged in to the bot's account: {thief.device}. -> if that is not you, change" in line
    # Whoever runs the bot can take it for their own ...
    await asked(bot, f"y\n{bot.account.password}\nn\n", monkeypatch)
    assert wrong(await bot.check()) == []
    # ... and what is logged out is gone.
    second = await Member.login(bot.homeserver.url, bot.account.user, bot.account.password)
    await asked(bot, f"y\n{bot.account.password}\ny\n", monkeypatch)
    assert second.device not in {device.id for device in await account.devices(bot.session.api())}
    assert wrong(await bot.check()) == []


@pytest.mark.usefixtures("unmeasured")
async def test_check_tells_of_a_device_that_is_not_signed(bot: Bot) -> None:
    session = await account.log_in(
        bot.data, homeserver=bot.homeserver.url, user=bot.account.user, password=bot.account.password
    )
    account.know(bot.data, session, [bot.account.device])
    bot.configure()
    assert "does not show the keys of the bot's device" in about("matrix", await bot.check())
    session, client = account.open_client(bot.data, bot.session)
    api = session.api()
    try:
        await upload_keys(client, api)
        assert "no identity (cross-signing)" in about("matrix", await bot.check())
        await account.cross_sign(api, session, bot.data, bot.account.password)
        assert wrong(await bot.check()) == []
    finally:
        await api.close()
        await client.close()
        client.store.database.close()
    # Somebody with the password makes another identity.
    kept = (bot.data / "identity.json").read_bytes()
    (bot.data / "identity.json").unlink()
    await account.cross_sign(session.api(), session, bot.data, bot.account.password)
    (bot.data / "identity.json").write_bytes(kept)
    [line] = wrong(await bot.check())
    assert "another identity (cross-signing) than the one kept here. -> if you did not reset it, change" in line


# --- check: the keys ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("unmeasured")
async def test_check_tells_of_keys_that_are_lost_locked_or_open_to_others(bot: Bot) -> None:
    session = await bot.prepare()
    store, key = account.store_file(bot.data, session), bot.data / "pickle.key"
    bot.data.chmod(0o750)
    key.chmod(0o644)
    [line] = wrong(await bot.check())
    assert line == (
        f"WRONG  matrix keys: other users of this machine can get at {bot.data} and 1 more. "
        f"-> chmod -R go-rwx {bot.data}"
    )
    bot.data.chmod(0o700)
    key.chmod(0o600)
    right = key.read_text()
    key.write_text("ab" * 32)
    [line] = wrong(await bot.check())
    assert "pickle.key does not open them. -> put back the right one" in line
    key.write_text(right)
    assert wrong(await bot.check()) == []
    store.rename(bot.folder / "kept")
    [line] = wrong(await bot.check())
    assert "they are lost" in line
    assert "“solibot run” makes a new device" in line
    bot.configure(password=None)
    [line] = wrong(await bot.check())
    assert "“solibot init” makes a new device" in line
    (bot.folder / "kept").rename(store)
    (bot.data / "session.json").write_text("{")
    lines = about("matrix", await bot.check())
    assert f"is damaged: {bot.data / 'session.json'} cannot be read. -> put back a copy" in lines


# --- check: rooms ---------------------------------------------------------------------------------------------------

SILENT: Json = {"events_default": 50}


@pytest.mark.usefixtures("unmeasured")
async def test_check_tells_what_the_bot_may_do_in_its_rooms(bot: Bot) -> None:
    await bot.prepare()
    ana = await bot.homeserver.somebody("ana")
    rooms: dict[str, str] = {}
    for version in ("11", "12"):
        for name, powers in (("Free", {}), ("Silent", SILENT), ("Kicked", {})):
            rooms[f"{name}{version}"] = await ana.create_room(
                version=version, invite=[bot.account.user], power_level_content_override=powers
            )
    rooms["Secret"] = await ana.create_room(version="11", encrypted=True, invite=[bot.account.user])
    # It is on no list of powers, and yet may do everything.
    async with bot.itself() as itself:
        rooms["Own12"] = await itself.create_room(version="12", power_level_content_override={"events_default": 100})
        rooms["Own11"] = await itself.create_room(version="11", power_level_content_override={"events_default": 100})
    for name, room in rooms.items():
        if not name.startswith("Own"):
            await bot.join(room)
    for name in ("Kicked11", "Kicked12"):
        await ana.kick(rooms[name], bot.account.user)
    await bot.serves(**rooms)
    lines = await bot.check()
    expected = {
        "Free11": "ok     room of Free11: the bot may write (not encrypted, version 11, power 0)",
        "Free12": "ok     room of Free12: the bot may write (not encrypted, version 12, power 0)",
        "Secret": "ok     room of Secret: the bot may write (encrypted, version 11, power 0)",
        "Own11": "ok     room of Own11: the bot may write (not encrypted, version 11, power 100)",
        "Own12": "ok     room of Own12: the bot may write (not encrypted, version 12, power without end)",
        "Kicked11": "WRONG  room of Kicked11: the bot is not in it any more. -> invite it again",
        "Kicked12": "WRONG  room of Kicked12: the bot is not in it any more. -> invite it again",
    }
    for version in ("11", "12"):
        expected[f"Silent{version}"] = (
            f"WRONG  room of Silent{version}: the bot may not write there: that takes power 50, and it has 0 (not "
            f"encrypted, version {version}). -> whoever manages the room gives it power 50"
        )
    assert {name: about(f"room of {name}", lines) for name in rooms} == expected


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.soak
async def test_check_tells_of_rooms_that_were_replaced(bot: Bot) -> None:
    await bot.prepare()
    ana = await bot.homeserver.somebody("ana")
    room = await ana.create_room(version="11", invite=[bot.account.user])
    await bot.join(room)
    await bot.serves(Riverside=room)
    new = await ana.upgrade_room(room)
    [line] = wrong(await bot.check())
    assert line == "WRONG  room of Riverside: it was replaced by another room. -> invite the bot into the new one"
    await ana.invite(new, bot.account.user)
    await bot.join(new)
    assert about("room of Riverside", await bot.check()).startswith(
        "ok     room of Riverside: replaced by another room"
    )


@pytest.mark.usefixtures("unmeasured")
async def test_many_rooms_are_looked_at_a_few_at_a_time(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    await bot.prepare()
    monkeypatch.setattr(matrix_check, "ROOMS_AT_ONCE", 2)
    async with bot.itself() as itself:
        rooms = {f"Room{number}": await itself.create_room() for number in range(5)}
    await bot.serves(**rooms)
    lines = await bot.check()
    assert len([line for line in lines if line.startswith("ok     room of Room")]) == 5


# --- check: the message limit ---------------------------------------------------------------------------------------


@pytest.mark.soak
async def test_check_measures_the_limit_that_synapse_has_by_itself(tmp_path: Path) -> None:
    limited = {"rc_message": {"per_second": 0.2, "burst_count": 10}}
    async with Homeserver.started(tmp_path / "server", config=limited) as homeserver:
        bot = Bot(homeserver, await homeserver.register("bot", "password"), tmp_path)
        await bot.prepare()
        [line] = wrong(await bot.check())
        # One of the ten is the room itself.
        assert line.startswith(
            "WRONG  matrix limit: about 9 messages at a stretch, then one every 5 s: "
            "a busy group would wait for its answers. -> ask those who run the homeserver "
        )
        assert f"/_synapse/admin/v1/users/{bot.account.user}/override_ratelimit" in line
        async with bot.itself() as itself:
            assert await itself.joined_rooms() == set()
        assert not (bot.data / "measuring.json").exists()
        await homeserver.override_ratelimit(bot.account.user)
        assert about("matrix limit", await bot.check()).startswith(
            "ok     matrix limit: none that matters: 30 messages"
        )


async def test_an_account_of_an_administrator_asks_for_its_limit(homeserver: Homeserver, tmp_path: Path) -> None:
    bot = Bot(homeserver, await homeserver.register(f"bot-{secrets.token_hex(3)}", admin=True), tmp_path)
    await bot.prepare()
    await homeserver.override_ratelimit(bot.account.user, per_second=2, burst=20)
    assert (
        about("matrix limit", await bot.check())
        == "ok     matrix limit: about 20 messages at a stretch, then one every 0.5 s"
    )
    await homeserver.override_ratelimit(bot.account.user)
    assert "ok     matrix limit: none: the homeserver makes an exception" in about("matrix limit", await bot.check())


@pytest.mark.parametrize("noted", [pytest.param(True, marks=pytest.mark.soak), False])
async def test_a_room_that_was_left_behind_by_a_kill_is_left_the_next_time(
    bot: Bot, noted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bot.prepare()
    made: list[str] = []
    make = matrix_check._make_room

    async def killed(api: Any) -> str:
        made.append(await make(api))
        if not noted:
            raise KeyboardInterrupt
        return made[-1]

    async def gone(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(matrix_check, "_make_room", killed)
    with monkeypatch.context() as patched:
        patched.setattr(matrix_check, "_left", gone)
        with pytest.raises(KeyboardInterrupt):
            await _run_to_the_end(bot)
    async with bot.itself() as itself:
        await itself.create_room("mine")
        assert made[0] in await itself.joined_rooms()
        monkeypatch.setattr(matrix_check, "_make_room", make)
        assert "none that matters" in about("matrix limit", await bot.check())
        assert len(await itself.joined_rooms()) == 1
        assert made[0] not in await itself.joined_rooms()
    assert not (bot.data / "measuring.json").exists()


async def _run_to_the_end(bot: Bot) -> None:
    """A check that is killed: what asyncio does with KeyboardInterrupt must not end the test."""
    inspection = matrix_check.Inspection(
        folder=bot.data, homeserver=bot.homeserver.url, user=bot.account.user, password_known=True
    )
    try:
        await inspection.describe()
        await inspection.limit()
    finally:
        await inspection.close()


# --- run ------------------------------------------------------------------------------------------------------------


async def test_a_wrong_password_ends_a_bot_that_has_no_other_network(bot: Bot) -> None:
    bot.configure(password="wrong")
    done = await solibot("run", folder=bot.folder)
    assert done.returncode == 2, done.stderr
    assert "[matrix] The homeserver says that the user name or the password is not right." in done.stderr
    assert "wrong" not in done.stderr.replace("wrong_", "")
    assert "Traceback" not in done.stderr


@pytest.mark.soak
async def test_keys_that_do_not_open_end_it_too(bot: Bot) -> None:
    await bot.prepare()
    (bot.data / "pickle.key").write_text("ab" * 32)
    done = await solibot("run", folder=bot.folder)
    assert done.returncode == 2, done.stderr
    assert f"[matrix] {bot.data / 'pickle.key'} does not open the keys" in done.stderr


@pytest.mark.soak
async def test_a_bot_that_matrix_refuses_goes_on_at_telegram(bot: Bot) -> None:
    async with TelegramServer() as telegram:
        telegram.short_polls(0)
        telegram.set_privacy(False)
        bot.configure(password="wrong")
        at_telegram = f'[telegram]\ntoken = "{telegram.token}"\nbase_url = "{telegram.base_url}"\n'
        running = RunningBot(bot.folder, at_telegram + bot.config.read_text())
        await running.start()
        await telegram.listening(within=20)
        log = await _logged(running, lambda line: line["event"].startswith("the network refuses the bot"))
        assert log["network"] == "matrix"
        assert running.process is not None
        assert running.process.returncode is None
        ana = telegram.user(first_name="Ana", username="ana")
        group = telegram.supergroup("Riverside", creator=ana)
        await telegram.reply(telegram.say(ana, group, "/setup"), within=20)
        assert await running.stop() == 0


@pytest.mark.soak
async def test_a_running_bot_is_looked_at_without_disturbing_it(bot: Bot) -> None:
    await bot.prepare()
    running = RunningBot(bot.folder, bot.config.read_text())
    await running.start()
    await _logged(running, lambda line: line["event"] == "ready")
    lines = await bot.check()
    assert about("matrix keys", lines) == "ok     matrix keys: not looked into, because the bot is running"
    assert about("matrix limit", lines) == "ok     matrix limit: measured only while the bot is not running"
    assert wrong(lines) == []
    assert await running.stop() == 0


async def _logged(running: RunningBot, wanted: Callable[[Json], bool]) -> Json:
    """The first line of the log that is wanted, once it is there."""
    async with asyncio.timeout(20):
        while True:
            for line in running.log.read_text().splitlines():
                if wanted(found := json.loads(line)):
                    return dict(found)
            await asyncio.sleep(0.05)


# --- what only a person can mend ------------------------------------------------------------------------------------


def test_what_may_pass_by_itself_does_not_end_the_bot() -> None:
    def after(problem: Exception) -> Exception:
        try:
            try:
                raise problem
            except ApiProblem:
                raise CannotLogIn("x") from None
        except CannotLogIn as error:
            return error

    assert matrix_check.lasting(after(ApiProblem(403, {"errcode": "M_FORBIDDEN"}))) == "x"
    assert matrix_check.lasting(after(ApiProblem(429, {"errcode": "M_LIMIT_EXCEEDED"}))) is None
    assert matrix_check.lasting(after(ApiProblem(502, {}))) is None
    assert matrix_check.lasting(Unreachable("timeout")) is None
    assert matrix_check.lasting(ApiProblem(500, {})) is None
    assert matrix_check.lasting(NeedsLogin("logged_out", "y")) == "y"
    assert matrix_check.lasting(WrongKey("z")) == "z"
