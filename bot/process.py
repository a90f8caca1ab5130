"""The bot as a process: its settings put into effect, its signals heard, its data folder held by nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot import backup, logs, polls
from bot.app import App, commands, only_process
from bot.chat import Adapter, Dispatcher
from bot.config import Config, WrongConfig
from bot.domain.processes import Process, Wrong
from bot.text import LANGUAGES, Reader, shown
from storage import custodians, inspection
from storage.calendars import WEB
from storage.database import NewerSchema, StorageError, Unavailable, WrongKey

if TYPE_CHECKING:
    from bot.adapters.matrix import MatrixAdapter
    from bot.adapters.telegram import TelegramAdapter
    from bot.adapters.web import Endpoint

log = logging.getLogger(__name__)

STOP_SECONDS_MAX = 9.0
"""After a signal the process is gone within this time, come what may: what is not done stands in the database."""


class CannotStart(Exception):
    """The bot cannot run now; `sentence` says why and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def serve(config: Config) -> None:
    """Run the bot until SIGTERM or SIGINT. Raises CannotStart, or WrongConfig."""
    if config.telegram is None and config.matrix is None:
        raise WrongConfig(
            "No network is configured, so there is nothing to run. Add a section [telegram] or [matrix] "
            "(“solibot init” does it), or try the bot without one: “solibot try”."
        )
    polls.use_own(own_processes(config))
    with contextlib.ExitStack() as held:
        try:
            config.data.mkdir(parents=True, exist_ok=True)
            held.enter_context(only_process(config.data))
            if (config.data / backup.AWAY).exists():
                raise CannotStart((config.data / backup.AWAY).read_text("utf-8").strip())
        except BlockingIOError:
            raise CannotStart(
                f"Another process of the bot uses the data folder {config.data}. Stop that one first: two at once "
                "would take each other's messages."
            ) from None
        except OSError as error:
            raise CannotStart(
                f"The data folder {config.data} cannot be used ({(error.strerror or 'error').lower()}). "
                "The account that runs the bot must be able to write there."
            ) from None
        try:
            with asyncio.Runner(loop_factory=_fast_loop()) as runner:
                runner.run(_serve(config))
        except WrongKey as error:
            raise WrongConfig(" ".join(trouble(error, config))) from None
        except StorageError as error:
            raise CannotStart(" ".join(trouble(error, config))) from None


def own_processes(config: Config) -> list[Process]:
    """The host's own processes for polls. Raises WrongConfig, which says what is wrong with which file."""
    if config.processes is None:
        return []
    try:
        return polls.read_own(config.processes)
    except Wrong as wrong:
        raise WrongConfig(
            f"A process for polls cannot be used. {wrong}. docs/processes.md tells how it must be."
        ) from None


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's event loop where it is to be had: it takes a tenth off the time of an answer."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


@dataclass(frozen=True, slots=True)
class Network:
    """A network that is configured: what the core must know of it beforehand, and what becomes of its adapter."""

    kind: type[TelegramAdapter] | type[MatrixAdapter]
    make: Callable[[Dispatcher], Adapter]
    refusal: Callable[[Any], Coroutine[Any, Any, str | None]]
    """Why the network does not let the bot in, where only a person can mend that; it ends once that is known."""
    account: str | None = None
    """The bot's account, where committees can be linked over the network; None: they cannot."""


def networks(config: Config) -> list[Network]:
    """The networks that are configured. Only their libraries are loaded: they cost time and tens of megabytes."""
    found = []
    if config.telegram is not None:
        from bot.adapters.telegram import TelegramAdapter

        found.append(Network(TelegramAdapter, lambda dispatcher: telegram(config, dispatcher), _refused_by_telegram))
    if config.matrix is not None:
        from bot.adapters.matrix import MatrixAdapter, account_of

        account = account_of(config.matrix_folder, config.matrix.user, config.matrix_homeserver)
        found.append(
            Network(MatrixAdapter, lambda dispatcher: matrix(config, dispatcher), _refused_by_matrix, account=account)
        )
    return found


async def _serve(config: Config) -> None:
    asyncio.get_running_loop().set_exception_handler(logs.loop_fault)
    stop = _stopping()
    served = networks(config)
    app = await App.open(
        config.database_file,
        key=config.database_key,
        popups={network.kind.network: network.kind.popup_characters_max for network in served},
        reaches=[network.kind.network for network in served if network.kind.reaches],
        carriers={network.kind.network: network.account for network in served if network.account is not None},
        language=config.bot.language,
    )
    await app.database.transact(lambda tx: custodians.describe_host(tx, _about(config)))
    endpoint = await _endpoint(config, app)
    asking = []
    for network in served:
        adapter = network.make(app.dispatcher)
        app.add(adapter)
        asking.append(_asked(network, adapter))
    looking = asyncio.create_task(_refused(asking, stop))
    copying = asyncio.create_task(_keep_copies(config, app))
    try:
        await app.run(stop)
    finally:
        if endpoint is not None:
            await endpoint.close()
    copying.cancel()
    looking.cancel()
    if looking.done() and not looking.cancelled() and (sentences := looking.result()):
        raise WrongConfig(*sentences)


def _about(config: Config) -> dict[str, str]:
    said = config.host.model_dump(include={"name", "contact", "costs", "place"})
    about = {name: value for name, value in said.items() if value}
    if config.web.address is not None:
        about[WEB] = config.web.address.rstrip("/")
    return {**about, "encrypted": str(int(bool(config.database_key)))}


async def _endpoint(config: Config, app: App) -> Endpoint | None:
    """What answers calendar programs; None: it is off. Raises CannotStart."""
    if config.web.address is None:
        return None
    from bot.adapters.web import Endpoint

    endpoint = Endpoint(app.database, host=config.web.host, port=config.web.port, now=app.now)
    try:
        await endpoint.open()
    except OSError as error:
        await app.close()
        raise CannotStart(
            f"[web] The port {config.web.port} at {config.web.host} cannot be used "
            f"({(error.strerror or 'error').lower()}). Choose another one, or take out address in [web]."
        ) from None
    return endpoint


async def _keep_copies(config: Config, app: App) -> None:
    while True:
        await app.copies_wanted.wait()
        app.copies_wanted.clear()
        try:
            await backup.nightly(config, app.database, now=app.now)
        except Exception:
            # The next night comes; and whoever asks /host sees how old the newest copy is.
            log.exception("copies not made")


async def _refused(asking: Sequence[Coroutine[Any, Any, str | None]], stop: asyncio.Event) -> list[str]:
    """Why the bot can do nothing at all: it ends the process when every network refuses it, and no sooner."""
    refusals = await asyncio.gather(*asking)
    sentences = [refusal for refusal in refusals if refusal is not None]
    if len(sentences) < len(refusals):
        return []
    stop.set()
    return sentences


async def _asked(network: Network, adapter: Adapter) -> str | None:
    refusal = await network.refusal(adapter)
    if refusal is not None:
        log.error("the network refuses the bot: see solibot check", extra={"network": adapter.network})
    return refusal


def telegram(config: Config, dispatcher: Dispatcher) -> TelegramAdapter:
    """The adapter for the configured account at Telegram."""
    from bot.adapters.telegram import TelegramAdapter

    assert config.telegram is not None
    return TelegramAdapter(
        token=config.telegram_token,
        dispatcher=dispatcher,
        commands=commands(),
        languages=LANGUAGES,
        base_url=config.telegram.base_url,
        base_file_url=config.telegram.base_file_url,
        messages_per_minute_in_group=config.telegram.messages_per_minute_in_group,
    )


def matrix(config: Config, dispatcher: Dispatcher) -> MatrixAdapter:
    """The adapter for the configured account at Matrix."""
    from bot.adapters.matrix import MatrixAdapter

    assert config.matrix is not None
    return MatrixAdapter(
        folder=config.matrix_folder,
        homeserver=config.matrix_homeserver,
        user=config.matrix.user,
        password=config.matrix_password,
        device_name=config.matrix.device_name,
        dispatcher=dispatcher,
        commands=commands(),
        invites_from=config.matrix.invites_from,
        encrypted_private_chats=config.matrix.encrypted_private_chats,
        language=config.bot.language,
    )


async def _refused_by_telegram(adapter: TelegramAdapter) -> str | None:
    from bot.adapters.telegram import TOKEN_REFUSED

    found = await adapter.describe()
    if all(ok for ok, _ in found):
        return None
    log.warning("not in order at the network: see solibot check", extra={"network": adapter.network})
    return f"[telegram] token: {shown(TOKEN_REFUSED, Reader())}" if (False, TOKEN_REFUSED) in found else None


async def _refused_by_matrix(adapter: MatrixAdapter) -> str | None:
    from bot.adapters.matrix_check import lasting

    error = await adapter.first_opened()
    sentence = lasting(error) if error is not None else None
    return f"[matrix] {sentence}" if sentence is not None else None


def _stopping() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()

    def heard() -> None:
        if not stop.is_set():
            log.info("stopping")
            last = threading.Timer(STOP_SECONDS_MAX, _give_up)
            last.daemon = True
            last.start()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, heard)
    return stop


def _give_up() -> None:
    log.error("stopped without waiting any longer")
    os._exit(1)


def is_running(folder: Path) -> bool:
    """Whether a process of the bot holds this data folder."""
    try:
        with (folder / "solibot.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def trouble(error: StorageError, config: Config) -> tuple[str, str]:
    """What is wrong with the database, and what to do about it."""
    file = config.database_file
    match error:
        case WrongKey() if config.database_key is None:
            return (
                f"The database {file} is encrypted, or it is no database.",
                "Name its key in the section [database].",
            )
        case WrongKey() if inspection.is_plain(file):
            return (
                f"The database {file} is not encrypted, but the section [database] has a key.",
                "Take the key out, or begin with another data folder.",
            )
        case WrongKey():
            return (
                f"The key in the section [database] is not the one of {file}.",
                "Find the key that was made with it; without it nobody can open it.",
            )
        case NewerSchema():
            return (
                f"The database {file} was last used by a newer version of Solibot.",
                "Install that version again, or a newer one.",
            )
        case Unavailable():
            return f"The database {file} cannot be used: {error}.", _MENDED.get(str(error), "Look at the disk.")
        case _ if config.database_key is not None:
            return (
                "The section [database] has a key, but what encrypts databases is not installed.",
                "Install Solibot with its extra sqlcipher.",
            )
        case _:
            return f"The database {file} cannot be used.", "Look at the disk."


_MENDED = {
    "disk full": "Make room on the disk.",
    "read-only": "The account that runs the bot must be allowed to write there.",
    "cannot be opened": "The account that runs the bot must own the folder and the files in it.",
    "damaged": "Put back the newest copy that is whole, and keep the damaged one.",
    "busy": "Another program holds it. Stop that one.",
}
