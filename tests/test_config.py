"""The settings: what is right is read, and what is wrong gets a sentence that names it and tells no secret."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bot import config
from bot.config import Config, WrongConfig, load, sections, variable

ROOT = Path(__file__).parent.parent
TOKEN = "7000000001:AAEmulatorEmulatorEmulatorEmulator0"  # opens nothing
KEY = "0123456789abcdef" * 4
TELEGRAM = f'[telegram]\ntoken = "{TOKEN}"\n'
PASSWORD = "correct horse: battery, staple"  # opens nothing
MATRIX = f'[matrix]\nuser = "@solibot:example.org"\npassword = "{PASSWORD}"\n'


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the machine that runs the tests counts."""
    import os

    for name in list(os.environ):
        if name.startswith(config.PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def read(text: str, *, data: Path | None = None) -> Config:
    """The settings of a file with this text."""
    file = Path("config.toml")
    file.write_text(text, "utf-8")
    return load(file, data=data)


def wrong(text: str) -> str:
    """What is said about a file with this text."""
    with pytest.raises(WrongConfig) as raised:
        read(text)
    return "\n".join(raised.value.sentences)


# --- the example -------------------------------------------------------------------------------------------------


def test_the_example_can_be_read_and_says_what_holds_anyway(tmp_path: Path) -> None:
    settings = load(ROOT / "config.example.toml")
    plain = read(TELEGRAM)
    assert settings.model_dump(exclude={"telegram": {"token"}}) == plain.model_dump(exclude={"telegram": {"token"}})
    assert settings.data == ROOT / "data"


def test_the_example_shows_every_setting_with_a_comment() -> None:
    lines = (ROOT / "config.example.toml").read_text("utf-8").splitlines()
    assert set(Config.model_fields) == set(sections())
    for name, section in sections().items():
        start = lines.index(f"# [{name}]" if name == "matrix" else f"[{name}]")
        assert lines[start - 1].startswith("# ")
        following = lines[start + 1 :]
        end = next((at for at, line in enumerate(following) if line.startswith(("[", "# ["))), len(following))
        for setting in section.model_fields:
            [at] = [
                at for at, line in enumerate(following[:end]) if line.removeprefix("# ").startswith(f"{setting} = ")
            ]
            assert following[at - 1].startswith("# "), f"{setting} needs a comment"


def test_the_example_is_what_the_settings_say_of_themselves() -> None:
    remedy = 'python -c "from bot.config import example; print(example(), end=str())" > config.example.toml'
    assert (ROOT / "config.example.toml").read_text("utf-8") == config.example(), remedy


def test_matrix_is_served_once_its_lines_are_no_comments_any_more() -> None:
    assert read(config.example()).matrix is None
    text = config.example()
    for line in ("[matrix]", 'user = "@', 'password_file = "', 'invites_from = ["', "encrypted_private_chats = "):
        text = text.replace(f"\n# {line}", f"\n{line}")
    Path("matrix.password").write_text(PASSWORD + "\n")
    settings = read(text)
    assert settings.matrix is not None
    assert settings.matrix_password == PASSWORD
    assert settings.matrix.invites_from == ("@ana:example.org",)
    assert settings.matrix.encrypted_private_chats is True


def test_nobody_gets_a_key_from_the_example() -> None:
    text = config.example()
    assert "\n# key = " in text
    assert "[database] key must be 64 hexadecimal digits" in wrong(text.replace("\n# key = ", "\nkey = "))


def test_what_is_written_can_be_read_again() -> None:
    values: dict[str, dict[str, object]] = {
        "bot": {"data": 'a "strange" föld\\er', "language": "de"},
        "telegram": {"token": TOKEN, "messages_per_minute_in_group": 5},
    }
    settings = read(config.written(values, top="x"))
    assert settings.bot.data == Path('a "strange" föld\\er')
    assert settings.bot.language == "de"
    assert settings.telegram_token == TOKEN
    assert settings.telegram is not None
    assert settings.telegram.messages_per_minute_in_group == 5


def test_a_network_can_be_added_to_a_file_that_is_there() -> None:
    matrix = {"user": "@solibot:example.org", "invites_from": ["@ana:example.org", "@ben:example.org"]}
    made = config.written({"telegram": {"token": TOKEN}}, top="x")
    for before in (made, TELEGRAM):
        text = config.with_section(before, "matrix", matrix)
        assert text.startswith(before[: before.index("[telegram]")])
        assert text.count("[matrix]") == 1
        settings = read(text)
        assert settings.telegram_token == TOKEN
        assert settings.matrix is not None
        assert settings.matrix.invites_from == ("@ana:example.org", "@ben:example.org")


# --- Matrix ------------------------------------------------------------------------------------------------------


def test_one_bot_serves_telegram_matrix_both_or_none() -> None:
    served = [
        tuple(name for name in config.NETWORKS if getattr(read(text), name) is not None)
        for text in (TELEGRAM, MATRIX, TELEGRAM + MATRIX, "")
    ]
    assert served == [("telegram",), ("matrix",), ("telegram", "matrix"), ()]


def test_the_homeserver_is_the_one_in_the_address_unless_it_is_named() -> None:
    assert read('[matrix]\nuser = "@solibot:localhost:8448"\n').matrix_homeserver == "localhost:8448"
    named = 'homeserver = "https://matrix.example.org"\n'
    assert read(f'[matrix]\nuser = "@solibot:example.org"\n{named}').matrix_homeserver == "https://matrix.example.org"
    assert read(f'[matrix]\nuser = "solibot"\n{named}').matrix_homeserver == "https://matrix.example.org"


def test_matrix_needs_no_password_once_the_bot_is_logged_in() -> None:
    assert read('[matrix]\nuser = "@solibot:example.org"\n').matrix_password is None


def test_who_may_invite_stands_in_the_environment_with_commas(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOLIBOT_MATRIX__USER", "@solibot:example.org")
    monkeypatch.setenv("SOLIBOT_MATRIX__PASSWORD", PASSWORD)
    monkeypatch.setenv("SOLIBOT_MATRIX__INVITES_FROM", "@ana:example.org, @ben:localhost:8448")
    monkeypatch.setenv("SOLIBOT_MATRIX__ENCRYPTED_PRIVATE_CHATS", "false")
    settings = load()
    assert settings.telegram is None
    assert settings.matrix is not None
    assert settings.matrix.invites_from == ("@ana:example.org", "@ben:localhost:8448")
    assert settings.matrix.encrypted_private_chats is False
    assert settings.matrix_password == PASSWORD
    assert settings.matrix_folder == tmp_path / "data" / "matrix"


# --- where things are --------------------------------------------------------------------------------------------


def test_folders_and_files_begin_at_the_file(tmp_path: Path) -> None:
    elsewhere = tmp_path / "etc"
    elsewhere.mkdir()
    (elsewhere / "bot.key").write_text(KEY + "\n")
    (elsewhere / "config.toml").write_text('[bot]\ndata = "here"\n[database]\nkey_file = "bot.key"\n')
    settings = load(Path("etc/config.toml"))
    assert settings.data == elsewhere / "here"
    assert settings.database_file.parent == elsewhere / "here"
    assert settings.database_key == KEY
    assert settings.secret_files == [elsewhere / "bot.key"]


def test_a_data_folder_that_is_named_goes_before_the_one_in_the_file(tmp_path: Path) -> None:
    assert read(TELEGRAM, data=Path("other")).data == tmp_path / "other"


def test_files_of_a_bot_api_server_are_beside_its_methods() -> None:
    settings = read(f'{TELEGRAM}base_url = "http://localhost:8081/bot"\n')
    assert settings.telegram is not None
    assert settings.telegram.base_file_url == "http://localhost:8081/file/bot"


# --- secrets -----------------------------------------------------------------------------------------------------


def test_secrets_come_from_the_file_from_a_file_of_their_own_or_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert read(TELEGRAM).telegram_token == TOKEN
    Path("token").write_text(f"  {TOKEN}\n")
    assert read('[telegram]\ntoken_file = "token"\n').telegram_token == TOKEN
    other = TOKEN.replace("7", "8", 1)
    monkeypatch.setenv("SOLIBOT_TELEGRAM__TOKEN", other)
    monkeypatch.setenv("SOLIBOT_DATABASE__KEY", KEY)
    # What the environment says goes first, in whatever form the file says it.
    for text in (TELEGRAM, '[telegram]\ntoken_file = "nowhere"\n', ""):
        settings = read(text)
        assert settings.telegram_token == other
        assert settings.database_key == KEY


def test_the_environment_can_say_everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOLIBOT_TELEGRAM__TOKEN", TOKEN)
    monkeypatch.setenv("SOLIBOT_BOT__LANGUAGE", "es")
    monkeypatch.setenv("SOLIBOT_TELEGRAM__MESSAGES_PER_MINUTE_IN_GROUP", "7")
    settings = load()
    assert settings.bot.language == "es"
    assert settings.data == tmp_path / "data"
    assert settings.telegram is not None
    assert settings.telegram.messages_per_minute_in_group == 7


def test_no_secret_shows_when_settings_are_printed() -> None:
    settings = read(f'{TELEGRAM}{MATRIX}[database]\nkey = "{KEY}"\n')
    for text in (repr(settings), str(settings), str(settings.model_dump())):
        assert TOKEN not in text
        assert KEY not in text
        assert PASSWORD not in text


@pytest.mark.parametrize(
    "text",
    [
        '[telegram]\ntoken = "my hidden-word"\n',
        '[telegram]\ntokn = "hidden-word"\n',
        '[telegram]\nmessages_per_minute_in_group = "hidden-word"\n',
        '[database]\nkey = "hidden-word"\n',
        '[log]\nlevel = "hidden-word"\n',
        'token = "hidden-word"\n',
        'telegram = "hidden-word"\n',
        '[telegram]\ntoken = ["hidden-word"]\n',
        '[telegram]\ntoken = {x = "hidden-word"}\n',
        "[telegram]\ntoken = hidden-word\n",
        '[telegram]\n"123456:hidden-word" = 1\n',
        '"123456:hidden-word" = 1\n',
        '[telegram]\ntoken_file = "token"\n',
        '[matrix]\nuser = "@b:example.org"\npassword = "hidden-word\\n"\n',
        '[matrix]\nuser = "@b:example.org"\npassword = ["hidden-word"]\n',
        '[matrix]\nuser = "@b:example.org"\npasswort = "hidden-word"\n',
        '[matrix]\nuser = "@b: hidden-word"\n',
        'password = "hidden-word"\n',
    ],
)
def test_no_value_is_repeated_when_something_is_wrong(text: str) -> None:
    Path("token").write_text("hidden-word")
    assert "hidden-word" not in wrong(text)


# --- what is wrong -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[telegram]\ntokn = "x"\n', "config.toml: [telegram] has no setting “tokn”. Did you mean “token”?"),
        ("[bot]\nzzz = 1\n", "config.toml: [bot] has no setting “zzz”. It has: data, language, processes."),
        ("[telegrm]\n", "config.toml: there is no section “telegrm”. Did you mean [telegram]?"),
        ('token = "x"\n', "config.toml: the setting “token” belongs below the line [telegram]."),
        ("log = 1\n", "config.toml: [log] must be a section: a line [log], and its settings below it."),
        (
            f'{TELEGRAM}messages_per_minute_in_group = "many"\n',
            "config.toml: [telegram] messages_per_minute_in_group must be a whole number from 0 to 60, such as 20.",
        ),
        ('[bot]\nlanguage = "xx"\n', "config.toml: [bot] language must be one of “en”, “es”, “de”."),
        ("[bot]\ndata = 3\n", "config.toml: [bot] data must be a folder, such as “data”."),
        (
            '[telegram]\ntoken = "123"\n',
            "config.toml: [telegram] token must be the token from @BotFather, such as "
            "123456789:AAExampleExampleExampleExampleExamp.",
        ),
        (
            "[telegram]\n",
            "config.toml: [telegram] needs token or token_file, or SOLIBOT_TELEGRAM__TOKEN.",
        ),
        (
            f'{TELEGRAM}token_file = "x"\n',
            "config.toml: [telegram] has both token and token_file: keep one of them.",
        ),
        (
            f'{TELEGRAM}base_url = "https://example.org"\n',
            "config.toml: [telegram] base_url must be an address that ends in /bot, such as "
            "“https://api.telegram.org/bot”.",
        ),
        (
            "[matrix]\n",
            "config.toml: [matrix] user must be the address of the bot's account, such as “@solibot:example.org”.",
        ),
        (
            '[matrix]\nuser = "@solibot"\n',
            "config.toml: [matrix] user must be the address of the bot's account, such as “@solibot:example.org”.",
        ),
        (
            '[matrix]\nuser = "solibot"\n',
            "config.toml: [matrix] needs homeserver, or the whole address in user, such as “@solibot:example.org”.",
        ),
        (
            f'{MATRIX}password_file = "x"\n',
            "config.toml: [matrix] has both password and password_file: keep one of them.",
        ),
        (
            f'{MATRIX}homeserver = "example org"\n',
            "config.toml: [matrix] homeserver must be a homeserver's name or address, such as “example.org” or "
            "“https://matrix.example.org”.",
        ),
        (
            f'{MATRIX}invites_from = ["ana"]\n',
            "config.toml: [matrix] invites_from must be a list of addresses of people, such as [“@ana:example.org”].",
        ),
        (
            f"{MATRIX}invites_from = [3]\n",
            "config.toml: [matrix] invites_from must be a list of addresses of people, such as [“@ana:example.org”].",
        ),
        (
            'password = "x"\n',
            "config.toml: the setting “password” belongs below the line [matrix].",
        ),
        (
            "[bot]\nlanguage = en\n",
            "config.toml, line 2, column 12: this is not TOML. A text stands in straight quotes, such as "
            'language = "en".',
        ),
    ],
)
def test_what_is_wrong_is_named_with_what_would_be_right(text: str, sentence: str) -> None:
    assert wrong(text) == sentence


def test_every_fault_is_named_at_once() -> None:
    found = wrong('[bot]\nlanguage = "xx"\nzzz = 1\n[log]\nlevel = 4\n').splitlines()
    assert len(found) == 3


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(WrongConfig, match=r"There is no file config\.toml\. “solibot init” makes one"):
        load()
    with pytest.raises(WrongConfig, match="There is no file elsewhere"):
        load(Path("elsewhere"))
    with pytest.raises(WrongConfig, match="cannot be read"):
        load(tmp_path)
    Path("config.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(WrongConfig, match="is not a text file in UTF-8"):
        load()
    assert "[telegram] token_file: the file" in wrong('[telegram]\ntoken_file = "nowhere"\n')
    assert "cannot be read (no such file or directory)" in wrong('[telegram]\ntoken_file = "nowhere"\n')


def test_a_mistake_in_the_environment_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLIBOT_TELEGRAM__TOKEN", "hidden-word")
    assert wrong("").startswith("SOLIBOT_TELEGRAM__TOKEN must be the token from @BotFather")
    monkeypatch.setenv("SOLIBOT_TELEGRAM__TOKEN", TOKEN)
    monkeypatch.setenv("SOLIBOT_TELEGRAM__TOKN", "hidden-word")
    assert wrong("") == "SOLIBOT_TELEGRAM__TOKN: [telegram] has no setting “tokn”. Did you mean “token”?"
    monkeypatch.delenv("SOLIBOT_TELEGRAM__TOKN")
    monkeypatch.setenv("SOLIBOT_TELEGRM__TOKEN", "hidden-word")
    assert wrong("") == (
        "The environment variable SOLIBOT_TELEGRM__TOKEN names no section of the settings. "
        "Did you mean SOLIBOT_TELEGRAM__TOKEN?"
    )
    monkeypatch.delenv("SOLIBOT_TELEGRM__TOKEN")
    monkeypatch.setenv("SOLIBOT_TELEGRAM", "hidden-word")
    assert wrong("") == (
        "The environment variable SOLIBOT_TELEGRAM would set a whole section. "
        f"Name single settings, such as {variable('telegram', 'token')}."
    )


def test_the_example_in_the_project_holds_no_secret() -> None:
    assert stat.S_ISREG((ROOT / "config.example.toml").stat().st_mode)
    assert "AAExample" in (ROOT / "config.example.toml").read_text("utf-8")
