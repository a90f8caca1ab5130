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
    matrix: Annotated[
        bool, typer.Option("--matrix", help="Start a homeserver here, and be the members in Matrix clients.")
    ] = False,
    port: Annotated[
        int | None, typer.Option("--port", metavar="N", help="Where that homeserver listens. Without it: 8008.")
    ] = None,
) -> None:
    """Try the bot in this terminal.

    There is a practice committee, and you are any of its members. It needs no account and no settings.
    """
    import asyncio

    from bot import logs, terminal
    from bot.adapters.console import LIKENESSES
    from bot.practice import NotUnderstood
    from storage.database import StorageError

    if matrix:
        if script is not None or like is not Like.TELEGRAM:
            _end(WRONG_CONFIG, "--matrix goes with --data and --port only: you speak in a Matrix client, not here.")
        _try_matrix(data, port)
        return
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


def _try_matrix(data: Path | None, port: int | None) -> None:
    from bot import loopback, terminal

    try:
        with terminal.practice_folder(data) as folder:
            loopback.by_matrix(folder, port=port, kept=data is not None, tell=lambda line: print(line, flush=True))
    except loopback.CannotTry as reason:
        _end(FAILED, reason.sentence)
    except BlockingIOError:
        _end(FAILED, f"Another process uses the folder {data}.")
    except OSError as error:
        where = data or "for temporary files"
        _end(FAILED, f"The folder {where} cannot be used ({(error.strerror or 'error').lower()}).")
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


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


CommitteeName = Annotated[
    str | None, typer.Option("--committee", metavar="NAME", help="Only this committee, by its name or its id.")
]
OutFolder = Annotated[
    Path | None, typer.Option("--to", metavar="DIR", help="Where to write it. Without it: backups, in the data folder.")
]
KeyFile = Annotated[Path, typer.Option("--key", metavar="FILE", help="The file with your secret key (solibot key).")]


@app.command()
def backup(
    committee: CommitteeName = None, to: OutFolder = None, config: ConfigFile = None, data: DataFolder = None
) -> None:
    """Make sealed copies that can be carried away.

    Each committee's for its custodians, and one of everything for the keys in [host]. The bot may be running; it makes
    such copies every night by itself.
    """
    from bot import backup as copying
    from bot.config import WrongConfig, load

    try:
        settings = load(config, data=data)
        for uid, recipients in copying.chosen(settings, committee):
            made = copying.make(
                settings, committee=uid, recipients=recipients, kind="copy", to=to or settings.data / copying.FOLDER,
                now=copying.utc_now(),
            )  # fmt: skip
            for line in copying.told(made):
                typer.echo(line)
    except WrongConfig as wrong:
        _end(WRONG_CONFIG, *wrong.sentences)
    except copying.CannotCopy as reason:
        _end(FAILED, *reason.sentences)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The sealed copy.")],
    key: KeyFile,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is empty or not there yet.")],
) -> None:
    """Put a sealed copy into an empty folder, ready to run.

    It is looked through first: its books must be whole, and those that it says it holds.
    """
    from bot import backup as copying

    try:
        done = copying.restore(file, key, folder)
    except copying.CannotCopy as reason:
        _end(FAILED, *reason.sentences)
    for line in copying.after_restoring(done):
        typer.echo(line)


@app.command()
def handover(
    committee: CommitteeName = None,
    to: OutFolder = None,
    one_is_enough: Annotated[
        bool, typer.Option("--one-is-enough", help="Do it although only one person can open it.")
    ] = False,
    config: ConfigFile = None,
    data: DataFolder = None,
) -> None:
    """Give the bot, or one committee, into other hands. Stop the bot first; here it goes on no more."""
    from bot import backup as copying
    from bot.app import only_process
    from bot.config import WrongConfig, load

    try:
        settings = load(config, data=data)
        if not settings.data.exists():
            raise copying.CannotCopy(f"There is no database in {settings.data} yet.")
        with only_process(settings.data):
            made = copying.hand_over(
                settings, committee=committee, to=to or settings.data / copying.FOLDER, now=copying.utc_now(),
                few=one_is_enough,
            )  # fmt: skip
    except WrongConfig as wrong:
        _end(WRONG_CONFIG, *wrong.sentences)
    except BlockingIOError:
        _end(FAILED, "The bot is running. Stop it first: nothing may change while it is handed over.")
    except copying.CannotCopy as reason:
        _end(FAILED, *reason.sentences)
    for line in (*copying.told(made), *copying.after_handing_over(made, settings)):
        typer.echo(line)


class Form(StrEnum):
    """What the books can be written as."""

    CSV = "csv"
    JSON = "json"
    HLEDGER = "hledger"


@app.command()
def export(
    form: Annotated[Form, typer.Option("--format", help="A table, JSON, or a journal for hledger.")],
    committee: CommitteeName = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to write it. Without it: standard output.")
    ] = None,
    config: ConfigFile = None,
    data: DataFolder = None,
) -> None:
    """Write a committee's books as a file that other programs read, without names.

    Every account has a pseudonym, new in each export. The bot may be running. With --data, a practice folder needs no
    settings.
    """
    from bot import exporting

    try:
        text = exporting.export(form.value, committee=committee, config=config, data=data)
        if out is None:
            sys.stdout.write(text)
        else:
            with out.open("w", encoding="utf-8", newline="") as file:
                file.write(text)
    except exporting.CannotExport as reason:
        _end(reason.code, *reason.sentences)
    except OSError as error:
        _end(FAILED, f"{out} cannot be written ({(error.strerror or 'error').lower()}).")


class Drawer(StrEnum):
    """What is done with a committee's root key."""

    OUT = "out"
    BACK = "back"


@app.command("root-key")
def root_key(
    what: Annotated[Drawer, typer.Argument(help="“out”: into a file, and out of the database. “back”: from the file.")],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The file with the key; for “out” it must not be there.")
    ],
    committee: CommitteeName = None,
    config: ConfigFile = None,
    data: DataFolder = None,
) -> None:
    """Put the root key of a linked committee into a drawer, or bring it back to renew its other keys.

    Stop the bot first.
    """
    from bot import root_keys
    from bot.exporting import CannotExport

    try:
        if what is Drawer.OUT:
            told = root_keys.take_out(file, committee=committee, config=config, data=data)
        else:
            told = root_keys.bring_back(file, config=config, data=data)
    except CannotExport as reason:
        _end(reason.code, *reason.sentences)
    for line in told:
        typer.echo(line)


@app.command()
def key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the secret key; it must not be there.")],
) -> None:
    """Make a key with which you can open copies. Custodians do this on a computer of their own.

    The secret half stays in the file: keep it, and a copy of it on paper. The public half is printed.
    """
    from bot import archive

    secret, public = archive.new_key()
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(f"# Opens copies of Solibot. Give it to nobody.\n# public key: {public}\n{secret}\n")
    except FileExistsError:
        _end(FAILED, f"{file} is there already, and stays as it is. Name another file.")
    except OSError as error:
        _end(FAILED, f"{file} cannot be written ({(error.strerror or 'error').lower()}).")
    typer.echo(f"The secret key is in {file}; only you can read it. Keep it, and a copy on paper.")
    typer.echo("Type this to the bot in private, to become a custodian of your committee:")
    typer.echo(f"/custodian {public}")


@app.command()
def rota(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The members and seats, as JSON: docs/rota.md.")],
    against: Annotated[
        str | None, typer.Option("--against", metavar="HASH", help="Tell whether the plan has this hash.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan for other programs.")] = False,
) -> None:
    """Plan a rota from a file, without the bot: who has which seat, how fair it is, and the plan's hash.

    The same file gives the same plan on every computer.
    """
    from bot import rota as offline
    from bot.domain import snapshots

    try:
        instance = offline.read(file)
    except offline.CannotPlan as reason:
        _end(WRONG_CONFIG, reason.sentence)
    plan = offline.plan(instance)
    if as_json:
        typer.echo(offline.as_json(instance, plan))
    else:
        for line in offline.told(instance, plan):
            typer.echo(line)
    if against is not None:
        if snapshots.plan_hash(instance, plan.holders) != against.strip().lower():
            _end(FAILED, "The plan has another hash: it was made from other facts, or by another version.")
        typer.echo("The plan has this hash.", err=True)


class CountingMethod(StrEnum):
    """How `solibot count` can count."""

    PLURALITY = "plurality"
    MAJORITY = "majority"
    APPROVAL = "approval"
    SCORE = "score"
    DOTS = "dots"
    SCHULZE = "schulze"
    IRV = "irv"
    SCOTTISH_STV = "scottish-stv"


@app.command()
def count(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The ballots: .blt or our export (docs/counting.md).")],
    method: Annotated[
        CountingMethod | None,
        typer.Option(
            "--method", help="Without it: as the export says; of .blt, schulze for one seat, else scottish-stv."
        ),
    ] = None,
    seats: Annotated[
        int | None, typer.Option("--seats", metavar="N", help="How many are elected. Without it: as the file says.")
    ] = None,
    seed: Annotated[
        str | None, typer.Option("--seed", metavar="TEXT", help="Decides lots. Without it none is drawn.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the count for other programs.")] = False,
) -> None:
    """Count an election from a file, without the bot: who wins, every stage, every tie.

    The same file gives the same count on every computer. Where a lot is needed and there is no seed, only those are
    winners who win however it falls; what is undecided is told, and that is no failure.
    """
    from bot import counting

    try:
        counted = counting.count(counting.read(file), method=method.value if method else None, seats=seats, seed=seed)
    except counting.CannotTell as reason:
        _end(WRONG_CONFIG, reason.sentence)
    if as_json:
        typer.echo(counting.as_json(counted))
    else:
        for line in counting.told(counted):
            typer.echo(line)
    if (sentence := counting.differs(counted)) is not None:
        _end(FAILED, sentence)


def _end(code: int, *sentences: str) -> NoReturn:
    for sentence in sentences:
        typer.echo(sentence, err=True)
    raise typer.Exit(code)


if __name__ == "__main__":
    main()
