"""What `solibot init` asks and explains, and the files that it makes of the answers."""

from __future__ import annotations

import getpass
import importlib.util
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot import config
from bot.config import FILE, TelegramSection
from bot.text import LANGUAGES
from storage import inspection

KEY_FILE = "database.key"
DATABASE_FILE = "solibot.sqlite"
TRIES_MAX = 3

TELEGRAM = """\
Telegram. The bot needs an account of its own, which takes a minute:
  1. In Telegram, write to @BotFather (the one with the blue tick).
  2. Send it /newbot, and answer with a name (such as Riverside) and a username that ends in "bot".
  3. It answers with a token, such as 123456789:AAE... Whoever has the token is the bot: give it to nobody.
Leave privacy mode on, as it is at first: then Telegram sends the bot only commands and replies to it, and
nothing else of what your groups say.
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
    if path.exists() and not _agreed(f"{path} is there already. Write it anew?", default=False):
        raise GivenUp(f"{path} stays as it is.")
    values: dict[str, dict[str, Any]] = {}
    _say(TELEGRAM)
    if token := _token():
        values["telegram"] = {"token": token}
    values["bot"] = {"data": str(data.absolute()) if data is not None else _data()}
    values["bot"]["language"] = _language()
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = path.absolute().parent
    if key_file := _key(folder, folder / values["bot"]["data"]):
        values["database"] = {"key_file": key_file}
    text = config.written(values, top="Settings of Solibot. Made by “solibot init”; change what you like.")
    _write(path, text)
    _say(f"\n{path} is written; only you can read it.")
    if token is None:
        _say(f"Before the bot can run, put the token into [telegram] in {path}.")
    _say("Next: “solibot check” looks whether everything is in order, “solibot run” runs the bot.")
    _say("Then add the bot to your group and type /setup there.")
    return path


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
