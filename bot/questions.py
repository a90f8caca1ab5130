"""What `solibot init` asks and explains, and the files that it makes of the answers."""

from __future__ import annotations

import asyncio
import getpass
import importlib.util
import os
import secrets
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from bot import config
from bot.config import FILE, NETWORKS, Config, TelegramSection, WrongConfig
from bot.text import LANGUAGES
from storage import inspection

KEY_FILE = "database.key"
PASSWORD_FILE = "matrix.password"  # noqa: S105 - where it is, not what it is
DATABASE_FILE = "solibot.sqlite"
TRIES_MAX = 3

NETWORK_NAMES = {"telegram": "Telegram", "matrix": "Matrix"}

TELEGRAM = """\
Telegram. The bot needs an account of its own, which takes a minute:
  1. In Telegram, write to @BotFather (the one with the blue tick).
  2. Send it /newbot, and answer with a name (such as Riverside) and a username that ends in "bot".
  3. It answers with a token, such as 123456789:AAE... Whoever has the token is the bot: give it to nobody.
Leave privacy mode on, as it is at first: then Telegram sends the bot only commands and replies to it, and
nothing else of what your groups say.
"""

MATRIX = """\
Matrix. The bot needs an account of its own, an ordinary one, at any homeserver that lets programs log in with
a password:
  1. Make it as you would for a person: in Element or another app ("Create account"), or ask those who run your
     homeserver. Those who run a Synapse can type: register_new_matrix_user --user solibot --no-admin
  2. Give it a long password that is used nowhere else.
  3. Log out of the app, and do not use the account there: it is the bot's alone.
The bot logs in as a device of its own. What it logs in with, its keys and its identity are kept in the folder
"matrix" in the folder for the data; whoever has that folder is the bot.
"""

LOG_IN_AGAIN = "{path} is there already, with Matrix. Log in to Matrix again, and leave the settings as they are?"

INVITES = """\
The bot comes into a room when it is invited by an organizer of a committee that it serves. For the first
committee there is none yet: whose invitations shall it always take?
"""

ENCRYPTION = """\
The database holds names, exchanges and notes. With a key it is encrypted: a stolen disk or a copy that got
lost tells nothing. Without the key nobody can open it again, you neither: keep a copy of it elsewhere.
"""

NO_ENCRYPTION = """\
The database will not be encrypted: what does that is not installed. To have it, install Solibot with the
extra "sqlcipher" (uv tool install ".[sqlcipher]") and run "solibot init" again before the first "solibot run".
"""


class GivenUp(Exception):
    """No settings were written; `sentence` says why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def ask(file: Path | None, data: Path | None) -> Path:
    """Ask, and write the settings. Returns their file. Raises GivenUp, or OSError where a file cannot be written."""
    path = file or FILE
    if path.exists():
        if (there := _readable(path, data)) is not None:
            if there.matrix is not None and _agreed(LOG_IN_AGAIN.format(path=path), default=False):
                return _log_in_again(path, there)
            if there.telegram is None and there.matrix is None:
                # As a committee that has moved here comes: with its books, and without an account for the bot.
                for wanted in _networks():
                    _add(path, there, wanted)
                return path
            if (network := _wanted_network(path, there)) is not None:
                return _add(path, there, network)
        if not _agreed(f"{path} is there already. Write it anew?", default=False):
            raise GivenUp(f"{path} stays as it is.")
    networks = _networks()
    values: dict[str, dict[str, Any]] = {}
    if "telegram" in networks:
        values["telegram"] = _telegram()
    values["bot"] = {"data": str(data.absolute()) if data is not None else _data()}
    values["bot"]["language"] = _language()
    folder = path.absolute().parent
    folder.mkdir(parents=True, exist_ok=True)
    where = folder / values["bot"]["data"]
    if key_file := _key(folder, where):
        values["database"] = {"key_file": key_file}
    if "matrix" in networks:
        values["matrix"] = _matrix(folder, where)
    text = config.written(values, top="Settings of Solibot. Made by “solibot init”; change what you like.")
    _write(path, text)
    _say(f"\n{path} is written; only you can read it.")
    _say_what_next(path, values)
    return path


def _readable(path: Path, data: Path | None) -> Config | None:
    try:
        return config.load(path, data=data)
    except WrongConfig:
        return None


def _wanted_network(path: Path, there: Config) -> str | None:
    """The network that these settings lack, where whoever runs the bot wants to add it."""
    served = [name for name in NETWORKS if getattr(there, name) is not None]
    missing = [name for name in NETWORKS if name not in served]
    if not served or not missing:
        return None
    served_name, missing_name = NETWORK_NAMES[served[0]], NETWORK_NAMES[missing[0]]
    question = f"{path} is there already, with {served_name}. Add {missing_name}, and leave the rest as it is?"
    return missing[0] if _agreed(question, default=False) else None


def _add(path: Path, there: Config, network: str) -> Path:
    values = _telegram() if network == "telegram" else _matrix(path.absolute().parent, there.data)
    _write(path, config.with_section(path.read_text("utf-8"), network, values))
    _say(f"\n{path} is written; only you can read it.")
    _say_what_next(path, {network: values})
    return path


def _log_in_again(path: Path, there: Config) -> Path:
    assert there.matrix is not None
    given, user = there.matrix_homeserver, there.matrix.user
    address = _address(given)
    if address is None or (made := _logged_in(there.matrix_folder, user, address)) is None:
        raise GivenUp(f"{path} stays as it is.")
    password, _ = made
    if there.matrix.password_file is not None:
        file = path.absolute().parent / there.matrix.password_file.expanduser()
        _write(file, password + "\n")
        _say(f"The bot is logged in, and its password is in {file}.")
    elif there.matrix_password != password:
        _say(f"The bot is logged in. Put the password into [matrix] in {path} too.")
    else:
        _say("The bot is logged in.")
    return path


def _say_what_next(path: Path, values: dict[str, dict[str, Any]]) -> None:
    if "telegram" in values and "token" not in values["telegram"]:
        _say(f"Before the bot can run, put the token into [telegram] in {path}.")
    if "matrix" in values and "password_file" not in values["matrix"]:
        _say(f"Before the bot can run at Matrix, put the password into [matrix] in {path}.")
    _say("Next: “solibot check” looks whether everything is in order, “solibot run” runs the bot.")
    if "telegram" in values:
        _say("Then add the bot to your group and type /setup there.")
    if "matrix" in values:
        _say(f"Then invite {values['matrix']['user']} into your room, encrypted or not, and type !setup there.")


def _networks() -> list[str]:
    choices = {"": ["telegram"], "telegram": ["telegram"], "matrix": ["matrix"], "both": ["telegram", "matrix"]}
    for _ in range(TRIES_MAX):
        answer = _answer("Where shall the bot be: telegram, matrix or both? [telegram]: ").lower()
        for choice, networks in choices.items():
            if answer == choice or (answer and answer == choice[:1]):
                return networks
        _say("Type one of these words.")
    raise GivenUp("No network was chosen, so nothing is written.")


def _telegram() -> dict[str, Any]:
    _say(TELEGRAM)
    token = _token()
    return {"token": token} if token is not None else {}


def _token() -> str | None:
    for _ in range(TRIES_MAX):
        answer = _answer("Token (nothing is shown; Enter alone: later): ", hidden=True)
        if not answer:
            return None
        try:
            TelegramSection(token=SecretStr(answer))
        except ValueError:
            _say("That is no token. It is digits, a colon and about 35 letters; copy it whole.")
        else:
            return answer
    raise GivenUp("No token was given, so nothing is written. Look at what @BotFather sent, and begin again.")


def _matrix(folder: Path, data: Path) -> dict[str, Any]:
    """Log in, and make what the bot needs at Matrix. Returns the settings; the password gets a file of its own."""
    _say(MATRIX)
    user, address, homeserver = _account()
    values: dict[str, Any] = {"user": user}
    if homeserver is not None:
        values["homeserver"] = homeserver
    if users := _inviters():
        values["invites_from"] = users
    if (made := _logged_in(data / "matrix", user, address)) is not None:
        password, values["user"] = made
        _write(folder / PASSWORD_FILE, password + "\n")
        values["password_file"] = PASSWORD_FILE
        _say(f"The bot is logged in as {values['user']}. Its password is in {folder / PASSWORD_FILE}.")
    return values


def _account() -> tuple[str, str, str | None]:
    """The bot's account, the address of its homeserver, and the same again where its name does not lead there."""
    for _ in range(TRIES_MAX):
        user = _answer("Address of the bot's account, such as @solibot:example.org: ")
        if not config.is_user(user):
            _say("That is no address. It begins with @, and has a colon before the homeserver's name.")
            continue
        if (address := _address(user)) is not None:
            return user, address, None
        given = _answer("Address of its homeserver, such as https://matrix.example.org (Enter alone: ask again): ")
        if given and _in_the_open(given):
            _say("That way is not encrypted: whoever is on it can read the password, and be the bot.")
            if not _agreed("Take it all the same?", default=False):
                continue
        if given and (address := _address(given)) is not None:
            return user, address, address
    raise GivenUp("No homeserver was found, so nothing is written. Ask those who run it for its address.")


def _in_the_open(address: str) -> bool:
    return address.startswith("http://") and urlsplit(address).hostname not in ("localhost", "127.0.0.1", "::1")


def _address(server_or_user: str) -> str | None:
    """The address of a homeserver; None: there is none, and it was said why."""
    from bot.adapters.matrix_api import NotFound, discover

    try:
        return asyncio.run(discover(server_or_user))
    except NotFound as error:
        _say(error.sentence)
        return None


def _inviters() -> list[str]:
    _say(INVITES)
    for _ in range(TRIES_MAX):
        users = _answer("Your own address at Matrix; several with commas between them [nobody's]: ")
        found = users.replace(",", " ").split()
        if all(map(config.is_user, found)):
            return found
        _say("Those are no addresses. One begins with @ and has a colon, such as @ana:example.org.")
    raise GivenUp("No addresses were given, so nothing is written.")


def _logged_in(folder: Path, user: str, address: str) -> tuple[str, str] | None:
    """The password and the account's whole name, once the bot is logged in; None: that is to come later."""
    from bot.adapters import matrix_check

    # With it comes all that a running bot can do, which takes a second and more.
    from bot.app import only_process

    for _ in range(TRIES_MAX):
        password = _answer("Password of the bot's account (nothing is shown; Enter alone: later): ", hidden=True)
        if not password:
            return None
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with only_process(folder.parent):
                return asyncio.run(_prepared(folder, user, address, password))
        except BlockingIOError:
            raise GivenUp(
                f"The bot is running and uses the folder {folder}. Stop it, and begin again: nothing is written."
            ) from None
        except matrix_check.PROBLEMS as error:
            _say(matrix_check.why_not(error))
            if not matrix_check.may_be_the_password(error):
                break
    raise GivenUp("The bot is not logged in, so nothing is written.")


async def _prepared(folder: Path, user: str, address: str, password: str) -> tuple[str, str]:
    from bot.adapters import matrix_check

    session, others = await matrix_check.prepare(folder, address=address, user=user, password=password)
    if others:
        names = ", ".join(f"{device.name or 'without a name'} ({device.id})" for device in others)
        _say(f"Others are logged in to the bot's account too: {names}.")
        log_out = _agreed("Log them out? They can read what the bot reads.", default=True)
        await matrix_check.settle(folder, others, password=password, log_out=log_out)
    return password, session.user


def _data() -> str:
    return _answer("Folder for the data [data]: ") or "data"


def _language() -> str:
    known = ", ".join(f"{code} ({name})" for code, name in LANGUAGES.items())
    for _ in range(TRIES_MAX):
        answer = _answer(f"Language of new groups, {known} [en]: ").lower() or "en"
        if answer in LANGUAGES:
            return answer
        _say("Type the two letters of one of them.")
    raise GivenUp("No language was chosen, so nothing is written.")


def _key(folder: Path, data: Path) -> str | None:
    """The name of the key's file, made if it is not there; None: no encryption."""
    if importlib.util.find_spec("sqlcipher3") is None:
        _say(NO_ENCRYPTION)
        return None
    if inspection.is_plain(data / DATABASE_FILE):
        _say(f"The database in {data} is there already and not encrypted; it stays so.")
        return None
    path = folder / KEY_FILE
    if path.exists():
        _say(f"The key for the database is there already: {path}")
        return KEY_FILE
    _say(ENCRYPTION)
    if not _agreed("Encrypt the database?", default=True):
        return None
    _write(path, secrets.token_hex(32) + "\n")
    _say(f"The key is in {path}. Keep a copy of it where the backups are not.")
    return KEY_FILE


def _write(path: Path, text: str) -> None:
    """A file for us alone, whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _agreed(question: str, *, default: bool) -> bool:
    answer = _answer(f"{question} [{'Y/n' if default else 'y/N'}]: ").lower()
    return answer in ("y", "yes") if answer else default


def _answer(question: str, *, hidden: bool = False) -> str:
    try:
        # A secret does not stay on the screen; from a pipe it is not on it anyway.
        return (getpass.getpass(question) if hidden and sys.stdin.isatty() else input(question)).strip()
    except EOFError:
        raise GivenUp("The questions were not answered, so nothing is written.") from None


def _say(text: str) -> None:
    print(text)
