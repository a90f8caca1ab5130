"""The command line `solibot`. What a command needs is imported when it is called: help and practice start quickly."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

app = typer.Typer(
    name="solibot",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="The settings. Without it: config.toml, here.")
]
DataFolder = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="The data folder, in place of the one in the settings.")
]

FAILED, WRONG_CONFIG = 1, 2


def main() -> None:
    """The script `solibot`."""
    # Before anything is made: what the bot keeps is nobody else's.
    os.umask(0o077)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows "?" for it.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    app()


def _tell_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"solibot {version('solibot')}")
        raise typer.Exit


@app.callback()
def solibot(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A chat bot with which solidarity committees run themselves: time bank, tasks by rotation, polls, alerts."""


class Like(StrEnum):
    """Networks that the practice committee can look like."""

    TELEGRAM = "telegram"
    MATRIX = "matrix"


@app.command("try")
def try_(
    script: Annotated[
        str | None, typer.Option("--script", metavar="FILE", help="Carry out a script; - reads standard input.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Keep the practice data in this folder.")
    ] = None,
    like: Annotated[Like, typer.Option("--like", help="Show it as members on this network see it.")] = Like.TELEGRAM,
) -> None:
    """Try the bot in this terminal.

    There is a practice committee, and you are any of its members. It needs no account and no settings.
    """
    import asyncio

    from bot import logs, terminal
    from bot.adapters.console import LIKENESSES
    from bot.practice import NotUnderstood
    from storage.database import StorageError

    logs.begin_for_practice()
    text = _script(script) if script is not None else None
    try:
        with terminal.practice_folder(data) as folder:
            likeness = LIKENESSES[like]
            faults = asyncio.run(
                terminal.by_hand(folder, likeness) if text is None else terminal.by_script(folder, text, likeness)
            )
    except NotUnderstood as error:
        _end(WRONG_CONFIG, f"line {error.number}: {error.why}")
    except BlockingIOError:
        _end(FAILED, f"Another process uses the folder {data}.")
    except OSError as error:
        _end(
            FAILED,
            f"The folder {data or 'for temporary files'} cannot be used ({(error.strerror or 'error').lower()}).",
        )
    except StorageError:
        _end(FAILED, f"The practice data in {data} cannot be used. Name another folder.")
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    if faults:
        _end(FAILED, f"The bot failed {faults} times; what it says about that stands above.")


def _script(name: str) -> str:
    try:
        return (sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()).decode("utf-8")
    except OSError as error:
        _end(WRONG_CONFIG, f"The script {name} cannot be read ({(error.strerror or 'error').lower()}).")
    except UnicodeDecodeError:
        _end(WRONG_CONFIG, f"The script {name} is not text in UTF-8.")


@app.command()
def init(config: ConfigFile = None, data: DataFolder = None) -> None:
    """Ask what is needed and write the settings."""
    from bot import questions

    try:
        questions.ask(config, data)
    except questions.GivenUp as reason:
        _end(FAILED, reason.sentence)
    except KeyboardInterrupt:
        _end(FAILED, "\nNothing is written.")
    except OSError as error:
        _end(FAILED, f"{error.filename} cannot be written ({(error.strerror or 'error').lower()}).")


@app.command()
def run(config: ConfigFile = None, data: DataFolder = None) -> None:
    """Run the bot until it is stopped.

    SIGTERM or Ctrl-C stop it within ten seconds. The log goes to the standard error output.
    """
    from bot import logs, process
    from bot.config import WrongConfig, load

    try:
        settings = load(config, data=data)
        logs.begin(settings.log.level)
        process.serve(settings)
    except WrongConfig as wrong:
        _end(WRONG_CONFIG, *wrong.sentences)
    except process.CannotStart as reason:
        _end(FAILED, reason.sentence)


@app.command()
def check(config: ConfigFile = None, data: DataFolder = None) -> None:
    """Look whether everything is in order.

    Settings, disk, database, books, clock, the bot's accounts and its rights in each group: a line each, with what to
    do where something is wrong. The bot may be running meanwhile; what it does not share is looked at when it is not.
    """
    import asyncio

    from bot import checks
    from bot.config import FILE, WrongConfig, load

    try:
        settings = load(config, data=data)
    except WrongConfig as wrong:
        _end(WRONG_CONFIG, *wrong.sentences)

    async def look() -> bool:
        sound = True
        async for finding in checks.findings(settings, config or (FILE if FILE.exists() else None)):
            typer.echo(str(finding))
            sound = sound and finding.ok
        return sound

    if not asyncio.run(look()):
        raise typer.Exit(FAILED)


@app.command()
def status(config: ConfigFile = None, data: DataFolder = None) -> None:
    """Tell how far the bot has come.

    When it last reached the network, how many messages wait, what is planned next, and the disk.
    """
    import asyncio

    from bot import checks, process
    from bot.config import WrongConfig, load
    from storage.database import StorageError

    try:
        settings = load(config, data=data)
    except WrongConfig as wrong:
        _end(WRONG_CONFIG, *wrong.sentences)

    async def tell() -> None:
        async for subject, what in checks.status(settings):
            typer.echo(f"{subject:<10} {what}")

    try:
        asyncio.run(tell())
    except FileNotFoundError:
        typer.echo("There is no database yet. “solibot run” makes it.")
    except StorageError as error:
        _end(FAILED, " ".join(process.trouble(error, settings)))


def _end(code: int, *sentences: str) -> NoReturn:
    for sentence in sentences:
        typer.echo(sentence, err=True)
    raise typer.Exit(code)


if __name__ == "__main__":
    main()
