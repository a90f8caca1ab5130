"""The bot as a process: its settings put into effect, its signals heard, its data folder held by nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bot import logs
from bot.app import App, commands, only_process
from bot.chat import Dispatcher
from bot.config import Config, WrongConfig
from bot.text import LANGUAGES, Reader, shown
from storage import inspection
from storage.database import NewerSchema, StorageError, Unavailable, WrongKey

if TYPE_CHECKING:
    from bot.adapters.telegram import TelegramAdapter

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
    if config.telegram is None:
        raise WrongConfig(
            "No network is configured, so there is nothing to run. Add a section [telegram] with a token "
            "(“solibot init” does it), or try the bot without one: “solibot try”."
        )
    with contextlib.ExitStack() as held:
        try:
            config.data.mkdir(parents=True, exist_ok=True)
            held.enter_context(only_process(config.data))
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


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's event loop where it is to be had: it takes a tenth off the time of an answer."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _serve(config: Config) -> None:
    # Imported only here: a network's library costs tens of megabytes and most of the time to start.
    from bot.adapters.telegram import TelegramAdapter

    asyncio.get_running_loop().set_exception_handler(logs.loop_fault)
    stop = _stopping()
    app = await App.open(
        config.database_file,
        key=config.database_key,
        popups={TelegramAdapter.network: TelegramAdapter.popup_characters_max},
        language=config.bot.language,
    )
    adapter = telegram(config, app.dispatcher)
    app.add(adapter)
    looking = asyncio.create_task(_refused(adapter, stop))
    await app.run(stop)
    looking.cancel()
    if looking.done() and not looking.cancelled() and (sentence := looking.result()):
        raise WrongConfig(sentence)


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


async def _refused(adapter: TelegramAdapter, stop: asyncio.Event) -> str | None:
    """Look once whether all is well at the network. A token that it does not accept ends the process."""
    found = await adapter.describe()
    if all(ok for ok, _ in found):
        return None
    log.warning("not in order at the network: see solibot check", extra={"network": adapter.network})
    # Imported only here, as above.
    from bot.adapters.telegram import TOKEN_REFUSED

    if (False, TOKEN_REFUSED) not in found:
        return None
    stop.set()
    return f"[telegram] token: {shown(TOKEN_REFUSED, Reader())}"


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
