"""The bot as it is, but for one thing: at a given moment it kills itself with SIGKILL.

`python -m tests.servers.killed_at MOMENT run --config FILE`. The moment is found from outside: what the bot calls
then is wrapped here, and nothing of it is in the product.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Any, NoReturn

from nio.crypto import Olm
from nio.store import MatrixStore

from bot.__main__ import main
from bot.adapters.matrix_api import Api
from bot.chat import Message
from bot.dispatch import Dispatcher


class Moment(StrEnum):
    """When the process dies, the first time that it comes there."""

    KEY_HALF_SAVED = "key_half_saved"
    """nio has stored the step of the Olm session by which a room key came, and not yet the key."""
    KEYS_UPLOADED = "keys_uploaded"
    """The homeserver has taken the bot's own keys, and the bot does not know."""
    NOT_DONE = "not_done"
    """A command has come, and nothing of it is done."""
    POSITION_NOT_STORED = "position_not_stored"
    """What a message asked for is done and stored, and not how far reading has come."""
    SENT_NOT_MARKED = "sent_not_marked"
    """The homeserver has taken a message, and the bot has not put down that it did."""
    ROOM_MADE = "room_made"
    """A private room is there, and nothing is said in it."""


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def _before(owner: Any, name: str) -> None:
    setattr(owner, name, lambda *_, **__: _die())


def _after_calls(method: str, ending: str) -> None:
    """Die when the homeserver has answered to such a call."""
    call = Api.call

    async def answered(self: Api, by: str, path: str, *rest: Any, **more: Any) -> dict[str, Any]:
        answer = await call(self, by, path, *rest, **more)
        if by == method and ending in path:
            _die()
        return answer

    Api.call = answered  # type: ignore[assignment, method-assign]


def _is_command(incoming: object) -> bool:
    return isinstance(incoming, Message) and "thank" in incoming.text


def _key_half_saved() -> None:
    handle = Olm._handle_room_key_event

    def handled(*event: Any) -> Any:
        # The bot keeps a copy of its own keys by the same call.
        _before(MatrixStore, "save_inbound_group_session")
        return handle(*event)

    Olm._handle_room_key_event = handled


def _not_done() -> None:
    handle = Dispatcher.handle

    async def handled(self: Dispatcher, incoming: Any) -> Any:
        return _die() if _is_command(incoming) else await handle(self, incoming)

    Dispatcher.handle = handled  # type: ignore[method-assign]


def _position_not_stored() -> None:
    handle = Dispatcher.handle

    async def handled(self: Dispatcher, incoming: Any) -> Any:
        done = await handle(self, incoming)
        if _is_command(incoming):
            _before(Dispatcher, "advance")
        return done

    Dispatcher.handle = handled  # type: ignore[method-assign]


_ARRANGED: dict[Moment, Callable[[], None]] = {
    Moment.KEY_HALF_SAVED: _key_half_saved,
    Moment.KEYS_UPLOADED: lambda: _after_calls("POST", "/keys/upload"),
    Moment.NOT_DONE: _not_done,
    Moment.POSITION_NOT_STORED: _position_not_stored,
    Moment.SENT_NOT_MARKED: lambda: _after_calls("PUT", "/send/m.room.encrypted/"),
    Moment.ROOM_MADE: lambda: _after_calls("POST", "/createRoom"),
}

if __name__ == "__main__":
    _ARRANGED[Moment(sys.argv.pop(1))]()
    main()
