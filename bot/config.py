"""The settings of whoever runs the bot: one TOML file, secrets also from files of their own or the environment."""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from bot.domain import sealing
from bot.text import LANGUAGES, SOURCE_LANGUAGE

FILE = Path("config.toml")
PREFIX = "SOLIBOT_"
"""`SOLIBOT_TELEGRAM__TOKEN` in the environment is `token` in `[telegram]`, and goes before it."""
SECRET_CHARACTERS_MAX = 4096

_TOKEN = re.compile(r"[0-9]{3,20}:[A-Za-z0-9_-]{20,100}")
_KEY = re.compile(r"[0-9a-fA-F]{64}")
_TOKEN_EXPECTED = "the token from @BotFather, such as 123456789:AAExampleExampleExampleExampleExamp"  # noqa: S105
_KEY_EXPECTED = "64 hexadecimal digits, as “solibot init” makes them"
_PASSWORD = re.compile(r"[^\x00-\x1f]{1,512}")
_PASSWORD_EXPECTED = "the password of the bot's account, on one line"  # noqa: S105
_USER = re.compile(r"@[^\s:@/]{1,255}:[^\s/@]{1,255}")
_LOCALPART = re.compile(r"[^\s:@/]{1,255}")
NETWORKS = ("telegram", "matrix")
"""The sections of networks: without its section a network is not served."""


class WrongConfig(Exception):
    """The settings cannot be used; `sentences` say why, without any value that could be a secret."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(*sentences)
        self.sentences = sentences


def _setting(default: Any, what: str, *, expected: str, example: object, **rules: Any) -> Any:
    """A setting: what it is for, what it must be, and an example, for errors and `config.example.toml`."""
    return Field(
        default, description=what, examples=[example], json_schema_extra={"expected": expected}, validate_default=False,
        **rules,
    )  # fmt: skip


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class BotSection(_Section):
    """What holds for all networks."""

    data: Path = _setting(
        Path("data"),
        "The folder for the database. It belongs to the bot alone.\n"
        "What is not an absolute path begins at this file's folder, here and below.",
        expected="a folder, such as “data”",
        example="data",
    )
    language: str = _setting(
        SOURCE_LANGUAGE,
        f"The language of groups that have not chosen one: {', '.join(LANGUAGES)}.",
        expected=f"one of {', '.join(f'“{code}”' for code in LANGUAGES)}",
        example=SOURCE_LANGUAGE,
    )

    processes: Path | None = _setting(
        None,
        "A folder with processes of your own by which committees hold polls, each a file such as fist_to_five.toml.\n"
        "docs/processes.md tells what stands in them. Without it: those that come with the bot.",
        expected="a folder, such as “processes”",
        example="processes",
    )

    @field_validator("language")
    @classmethod
    def _shipped(cls, language: str) -> str:
        if language not in LANGUAGES:
            raise ValueError
        return language


class DatabaseSection(_Section):
    """How the database is encrypted. Without a key it is not."""

    key_file: Path | None = _setting(
        None,
        "The file with the key that encrypts the database (this needs the extra sqlcipher).\n"
        "“solibot init” makes one. Without it the database cannot be opened: keep a copy elsewhere.",
        expected="a file, such as “database.key”",
        example="database.key",
    )
    key: SecretStr | None = _setting(
        None,
        "Or the key itself: 64 hexadecimal digits. Better in the environment as SOLIBOT_DATABASE__KEY.",
        expected=_KEY_EXPECTED,
        # Not a key: nobody shall use the one from the example.
        example="64 hexadecimal digits",
    )

    @field_validator("key")
    @classmethod
    def _is_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not _KEY.fullmatch(key.get_secret_value()):
            raise ValueError
        return key


class TelegramSection(_Section):
    """The bot's account at Telegram."""

    token: SecretStr | None = _setting(
        None,
        "The token that @BotFather gave you. Whoever has it is the bot: keep this file to yourself.\n"
        "It may stand in the environment instead, as SOLIBOT_TELEGRAM__TOKEN.",
        expected=_TOKEN_EXPECTED,
        example="123456789:AAExampleExampleExampleExampleExamp",
    )
    token_file: Path | None = _setting(
        None,
        "Or the file that holds the token.",
        expected="a file, such as “telegram.token”",
        example="telegram.token",
    )
    base_url: str = _setting(
        "https://api.telegram.org/bot",
        "Where the Bot API is. Only for those who run a Bot API server of their own.",
        expected="an address that ends in /bot, such as “https://api.telegram.org/bot”",
        example="https://api.telegram.org/bot",
        pattern=r"^https?://[^\s?#]+/bot$",
    )
    messages_per_minute_in_group: int = _setting(
        20,
        "How much the bot says in one group in a minute, at most. Telegram bears 20.\n"
        "0: as much as it likes, for a Bot API server of your own.",
        expected="a whole number from 0 to 60, such as 20",
        example=20,
        ge=0,
        le=60,
    )

    @field_validator("token")
    @classmethod
    def _is_token(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and not _TOKEN.fullmatch(token.get_secret_value()):
            raise ValueError
        return token

    @property
    def base_file_url(self) -> str:
        """Where the same server has files."""
        return f"{self.base_url.removesuffix('/bot')}/file/bot"


class MatrixSection(_Section):
    """The bot's account at a Matrix homeserver. Linked committees hear each other over it, those on Telegram too."""

    user: str = _setting(
        ...,
        "The address of the bot's account. “solibot init” says how to make one.",
        expected="the address of the bot's account, such as “@solibot:example.org”",
        example="@solibot:example.org",
    )
    homeserver: str | None = _setting(
        None,
        "Its homeserver, by name or by address. Without it: the one in the bot's address.",
        expected="a homeserver's name or address, such as “example.org” or “https://matrix.example.org”",
        example="https://matrix.example.org",
        pattern=r"^(https?://)?[A-Za-z0-9.:\[\]_-]+(/[^\s?#]*)?$",
    )
    password: SecretStr | None = _setting(
        None,
        "The password of the account. The bot keeps what it logged in with in the folder for the data and needs the\n"
        "password again when that is lost or was ended. It may stand in the environment, as SOLIBOT_MATRIX__PASSWORD.",
        expected=_PASSWORD_EXPECTED,
        example="the password",
    )
    password_file: Path | None = _setting(
        None,
        "Or the file that holds the password. “solibot init” makes it.",
        expected="a file, such as “matrix.password”",
        example="matrix.password",
    )
    invites_from: Annotated[tuple[str, ...], NoDecode] = _setting(
        (),
        "Who may always call the bot into rooms, such as you who run it. Some may anyway: an organizer of a committee\n"
        "into any room, whoever is in a group with it into a private one. Invites of others are turned down.",
        expected="a list of addresses of people, such as [“@ana:example.org”]",
        example=("@ana:example.org",),
    )
    encrypted_private_chats: bool = _setting(
        True,
        "Whether the private rooms that the bot opens with people are encrypted. Rooms of groups stay as they are.",
        expected="true or false",
        example=True,
    )
    device_name: str = _setting(
        "Solibot",
        "What the bot's device is called among those of its account.",
        expected="a name of at most 100 characters, such as “Solibot”",
        example="Solibot",
        min_length=1,
        max_length=100,
    )

    @field_validator("user")
    @classmethod
    def _is_user(cls, user: str) -> str:
        if not _USER.fullmatch(user) and not _LOCALPART.fullmatch(user):
            raise ValueError
        return user

    @field_validator("password")
    @classmethod
    def _is_password(cls, password: SecretStr | None) -> SecretStr | None:
        if password is not None and not _PASSWORD.fullmatch(password.get_secret_value()):
            raise ValueError
        return password

    @field_validator("invites_from", mode="before")
    @classmethod
    def _from_environment(cls, users: object) -> object:
        return _listed(users)

    @field_validator("invites_from")
    @classmethod
    def _are_users(cls, users: tuple[str, ...]) -> tuple[str, ...]:
        if not all(is_user(user) for user in users):
            raise ValueError
        return users


def _listed(given: object) -> object:
    """A list; in the environment it is one text, with commas."""
    return given.replace(",", " ").split() if isinstance(given, str) else given


def is_user(text: str) -> bool:
    """Whether this is a whole address at Matrix, such as `@ana:example.org`."""
    return _USER.fullmatch(text) is not None


class HostSection(_Section):
    """Who runs the bot, as /host tells everybody. The committees that trust it should know."""

    name: str = _setting(
        "",
        "Who that is.",
        expected="a name",
        example="Ana of the tenants' union",
    )
    contact: str = _setting(
        "",
        "How to reach them when the bot does not answer.",
        expected="an address or a number",
        example="ana@example.org",
    )
    costs: str = _setting(
        "",
        "What it costs, and who pays.",
        expected="a sentence",
        example="5 euros a month, paid by the union",
    )
    place: str = _setting(
        "",
        "Where the machine stands.",
        expected="a place",
        example="a rented server in Finland",
    )
    keys: Annotated[tuple[str, ...], NoDecode] = _setting(
        (),
        "Public keys of age of those who may open copies of everything, all committees together. A committee's own\n"
        "custodians need not stand here: they type /custodian. “solibot key” makes one.",
        expected="public keys of age, such as “age1...”",
        example=("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",),
    )

    @field_validator("keys", mode="before")
    @classmethod
    def _from_environment(cls, keys: object) -> object:
        return _listed(keys)

    @field_validator("keys")
    @classmethod
    def _are_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(sealing.recipient, keys))


class WebSection(_Section):
    """A small web endpoint, off unless address is set. Calendar programs fetch the shifts of the rota there."""

    address: str | None = _setting(
        None,
        "Where it is to be reached from outside: a proxy with TLS must stand in front of it. Without it: nowhere.",
        expected="an address, such as “https://solibot.example.org”",
        example="https://solibot.example.org",
        pattern=r"^(https://[A-Za-z0-9.:\[\]_-]+|http://([a-z2-7]{56}\.onion|localhost|127\.0\.0\.1)(:[0-9]+)?)(/[^\s?#]*)?$",
    )
    host: str = _setting(
        "127.0.0.1",
        "The address of this machine at which the proxy finds it. It should not be open to others.",
        expected="an IP address, such as “127.0.0.1”",
        example="127.0.0.1",
        pattern=r"^[0-9A-Fa-f.:]+$",
    )
    port: int = _setting(
        8730,
        "The port at which the proxy finds it.",
        expected="a whole number from 1 to 65535, such as 8730",
        example=8730,
        ge=1,
        le=65535,
    )


class LogSection(_Section):
    """What is logged, to the standard error output: never words, names or ids."""

    level: Literal["debug", "info", "warning", "error"] = _setting(
        "info",
        "How much is logged: debug, info, warning or error.",
        expected="one of “debug”, “info”, “warning”, “error”",
        example="info",
    )


class Config(BaseSettings):
    """All settings. Make it with `load`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", env_ignore_empty=True, extra="forbid", frozen=True,
        hide_input_in_errors=True,
    )  # fmt: skip

    bot: BotSection = BotSection()
    database: DatabaseSection = DatabaseSection()
    telegram: TelegramSection | None = None
    matrix: MatrixSection | None = None
    host: HostSection = HostSection()
    web: WebSection = WebSection()
    log: LogSection = LogSection()
    _folder: Path = PrivateAttr(Path())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment goes before the file."""
        return env_settings, init_settings

    @property
    def data(self) -> Path:
        """The data folder."""
        return self._folder / self.bot.data.expanduser()

    @property
    def processes(self) -> Path | None:
        """The folder with the host's own processes for polls."""
        return None if self.bot.processes is None else self._folder / self.bot.processes.expanduser()

    @property
    def database_file(self) -> Path:
        """The file of the database."""
        return self.data / "solibot.sqlite"

    @property
    def secret_files(self) -> list[Path]:
        """The files that hold secrets, where there are any."""
        named = [
            self.database.key_file,
            self.telegram.token_file if self.telegram else None,
            self.matrix.password_file if self.matrix else None,
        ]
        return [self._folder / file.expanduser() for file in named if file is not None]

    @property
    def database_key(self) -> str | None:
        """The key of the database; None: it is not encrypted. Raises WrongConfig."""
        return self._secret("database", "key", self.database.key, self.database.key_file, _KEY, _KEY_EXPECTED)

    @property
    def telegram_token(self) -> str:
        """The token. Only where Telegram is configured. Raises WrongConfig."""
        assert self.telegram is not None
        found = self._secret(
            "telegram", "token", self.telegram.token, self.telegram.token_file, _TOKEN, _TOKEN_EXPECTED
        )
        if found is None:
            raise WrongConfig(f"[telegram] needs token or token_file, or {variable('telegram', 'token')}.")
        return found

    @property
    def matrix_folder(self) -> Path:
        """Where what the bot logged in with at Matrix is kept, and its keys."""
        return self.data / "matrix"

    @property
    def matrix_homeserver(self) -> str:
        """The homeserver's name or address. Only where Matrix is configured. Raises WrongConfig."""
        assert self.matrix is not None
        found = self.matrix.homeserver or self.matrix.user.partition(":")[2]
        if not found:
            raise WrongConfig(
                "[matrix] needs homeserver, or the whole address in user, such as “@solibot:example.org”."
            )
        return found

    @property
    def matrix_password(self) -> str | None:
        """The password; None: the bot cannot log in anew. Only where Matrix is configured. Raises WrongConfig."""
        assert self.matrix is not None
        section = self.matrix
        return self._secret(
            "matrix", "password", section.password, section.password_file, _PASSWORD, _PASSWORD_EXPECTED
        )

    def _secret(
        self, section: str, name: str, value: SecretStr | None, file: Path | None, form: re.Pattern[str], expected: str
    ) -> str | None:
        if value is not None and file is not None:
            raise WrongConfig(f"[{section}] has both {name} and {name}_file: keep one of them.")
        if value is not None or file is None:
            return value.get_secret_value() if value is not None else None
        path = self._folder / file.expanduser()
        where = f"[{section}] {name}_file: the file {path}"
        try:
            text = path.read_bytes()[:SECRET_CHARACTERS_MAX].decode("utf-8").strip()
        except OSError as error:
            raise WrongConfig(f"{where} cannot be read ({_why(error)}).") from None
        except ValueError:
            text = ""
        if not form.fullmatch(text):
            raise WrongConfig(f"{where} must hold {expected}, and nothing else.")
        return text


def variable(section: str, name: str) -> str:
    """The environment variable for a setting."""
    return f"{PREFIX}{section}__{name}".upper()


def sections() -> dict[str, type[_Section]]:
    """The sections of the file, in order."""
    return {
        "bot": BotSection,
        "database": DatabaseSection,
        "telegram": TelegramSection,
        "matrix": MatrixSection,
        "host": HostSection,
        "web": WebSection,
        "log": LogSection,
    }


# --- reading -------------------------------------------------------------------------------------------------------


def load(file: Path | None = None, *, data: Path | None = None) -> Config:
    """Read the settings and look at every secret once. `data` goes before the folder in the file.

    Raises WrongConfig. Without `file`, `config.toml` in the current folder is read if it is there; if it is not, the
    environment alone may say everything.
    """
    path = file if file is not None else FILE
    alone = file is None and not path.exists() and any(_variables())
    settings = {} if alone else _read(path)
    for section, name in (("telegram", "token"), ("matrix", "password"), ("database", "key")):
        # What the environment says goes before the file, whichever of its two forms either uses.
        for ours, theirs in ((name, f"{name}_file"), (f"{name}_file", name)):
            if os.environ.get(variable(section, ours)) and isinstance(settings.get(section), dict):
                settings[section].pop(theirs, None)
    label = "the environment" if alone else str(path)
    if sentences := [*_wrong_variables()]:
        raise WrongConfig(*sentences)
    try:
        config = Config(**settings)
    except ValidationError as error:
        raise WrongConfig(*dict.fromkeys(_sentence(wrong, label) for wrong in error.errors())) from None
    if data is not None:
        config = config.model_copy(update={"bot": config.bot.model_copy(update={"data": data.absolute()})})
    config._folder = Path.cwd() if alone else path.absolute().parent
    try:
        _ = config.database_key
        _ = config.telegram_token if config.telegram else None
        _ = (config.matrix_homeserver, config.matrix_password) if config.matrix else None
    except WrongConfig as wrong:
        raise WrongConfig(*(f"{label}: {sentence}" for sentence in wrong.sentences)) from None
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise WrongConfig(
            f"There is no file {path}. “solibot init” makes one; --config FILE names one that is elsewhere."
        ) from None
    except OSError as error:
        raise WrongConfig(f"{path} cannot be read ({_why(error)}).") from None
    except UnicodeDecodeError:
        raise WrongConfig(f"{path} is not a text file in UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        # Its message may quote the line; the place is enough.
        place = re.search(r"\(at (line \d+), (column \d+)\)$", str(error))
        at = f"{place[1]}, {place[2]}" if place else "at its end"
        raise WrongConfig(
            f'{path}, {at}: this is not TOML. A text stands in straight quotes, such as language = "en".'
        ) from None


def _variables() -> Iterator[str]:
    """Our variables of the environment that say something."""
    return (name for name in os.environ if name.startswith(PREFIX) and "__" in name and os.environ[name])


def _known(section: str) -> type[_Section] | None:
    return sections().get(section.lower())


def _wrong_variables() -> Iterator[str]:
    """Sentences on variables of the environment that look like settings and are none."""
    for name in sections():
        if os.environ.get(f"{PREFIX}{name}".upper()):
            yield (
                f"The environment variable {f'{PREFIX}{name}'.upper()} would set a whole section. "
                f"Name single settings, such as {variable(name, next(iter(sections()[name].model_fields)))}."
            )
    for name in _variables():
        section, _, setting = name.removeprefix(PREFIX).lower().partition("__")
        if _known(section) is None:
            near = difflib.get_close_matches(section, sections(), n=1, cutoff=0.5)
            hint = f" Did you mean {variable(near[0], setting)}?" if near else ""
            yield f"The environment variable {name} names no section of the settings.{hint}"


def _why(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _sentence(wrong: Mapping[str, Any], label: str) -> str:
    """What is wrong with one setting, and what would be right. Never its value: it may be a secret in a wrong place."""
    place = [str(part) for part in wrong["loc"]]
    section = _known(place[0])
    if section is None or (len(place) == 1 and wrong["type"] == "extra_forbidden"):
        return f"{label}: {_unknown_section(place[0])}"
    if len(place) == 1:
        return f"{label}: [{place[0]}] must be a section: a line [{place[0]}], and its settings below it."
    name = place[1]
    from_environment = bool(os.environ.get(variable(place[0], name)))
    if name not in section.model_fields:
        near = difflib.get_close_matches(name, section.model_fields, n=1, cutoff=0.5)
        hint = f"Did you mean “{near[0]}”?" if near else f"It has: {', '.join(section.model_fields)}."
        where = f"{variable(place[0], name)}: " if from_environment else f"{label}: "
        return f"{where}[{place[0]}] has no setting {_quoted(name)}. {hint}"
    where = variable(place[0], name) if from_environment else f"{label}: [{place[0]}] {name}"
    return f"{where} must be {_extra(section.model_fields[name])}."


def _unknown_section(name: str) -> str:
    # A setting that was written above the first section.
    if home := next((known for known, section in sections().items() if name in section.model_fields), None):
        return f"the setting “{name}” belongs below the line [{home}]."
    near = difflib.get_close_matches(name, sections(), n=1, cutoff=0.5)
    hint = f"Did you mean [{near[0]}]?" if near else f"There are {', '.join(f'[{known}]' for known in sections())}."
    return f"there is no section {_quoted(name)}. {hint}"


def _quoted(name: str) -> str:
    """A name as it was written, unless it does not look like one: then it may be anything, a secret too."""
    return f"“{name}”" if re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,39}", name) else "by that name"


def _extra(field: FieldInfo) -> str:
    assert isinstance(field.json_schema_extra, dict)
    return str(field.json_schema_extra["expected"])


# --- writing -------------------------------------------------------------------------------------------------------


def written(values: Mapping[str, Mapping[str, Any]], *, top: str) -> str:
    """A file with every setting and its comment. What is not among the values stands there as a comment."""
    parts = ["\n".join(f"# {line}" for line in top.splitlines())]
    parts += [_section_written(name, values.get(name)) for name in sections()]
    return "\n\n".join(parts) + "\n"


def with_section(text: str, name: str, values: Mapping[str, Any]) -> str:
    """A file's text with the section of one more network."""
    section, comment = _section_written(name, values), _section_written(name, None)
    return text.replace(comment, section, 1) if comment in text else f"{text.rstrip()}\n\n{section}\n"


def _section_written(name: str, values: Mapping[str, Any] | None) -> str:
    section = sections()[name]
    assert section.__doc__ is not None
    # A section that is there, be it empty, means that its network is served.
    mark = "# " if values is None and name in NETWORKS else ""
    parts = [f"# {section.__doc__}\n{mark}[{name}]"]
    for setting, field in section.model_fields.items():
        assert field.description is not None
        lines = [f"# {line}" for line in field.description.splitlines()]
        assert field.examples is not None
        given = values is not None and setting in values
        value = values[setting] if values is not None and given else field.examples[0]
        lines.append(f"{'' if given else '# '}{setting} = {_toml(value)}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def example() -> str:
    """`config.example.toml`: every setting, with what holds without it."""
    values = {
        name: {
            setting: field.examples[0]
            for setting, field in section.model_fields.items()
            if field.examples is not None and (field.default is not None or (name, setting) == ("telegram", "token"))
        }
        for name, section in sections().items()
        # Who runs the bot is for each to say; an example would be told to members as the truth.
        if name not in ("matrix", "host")
    }
    return written(
        values,
        top="All settings of Solibot, with what holds where nothing is set; the token is only an example.\n"
        "A bot serves Telegram, Matrix or both: those whose sections are there. For Matrix, take away the # before\n"
        "the line [matrix] and before what you set below it; without Telegram, take out its section.\n"
        "Copy it to config.toml, or let “solibot init” write one. Only you should be able to read it: chmod 600.\n"
        "Each setting can also stand in the environment, which goes first: SOLIBOT_LOG__LEVEL is level in [log].",
    )


def _toml(value: object) -> str:
    # Strings of JSON are strings of TOML, once nothing outside ASCII is written in halves; so are its true and false.
    if isinstance(value, int):
        return json.dumps(value)
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(str(value), ensure_ascii=False)
