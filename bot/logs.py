"""What is logged: one JSON object a line, with times, events, references and durations; never words, names or ids.

Messages of exceptions, arguments of log calls and all that libraries say may hold what members wrote or a token, so
none of it is let through: of an exception its type and its places in the code, of a library's line its place alone.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

OURS = ("bot", "handlers", "storage")
"""The packages whose events are fixed words and whose extras were chosen for the log."""
FRAMES_MAX = 30
CAUSES_MAX = 5
CHARACTERS_MAX = 200

_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_log = logging.getLogger(__name__)


def begin(level: str, stream: TextIO | None = None) -> None:
    """Log from now on, to the standard error output. Libraries are heard from warnings upwards."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Strict())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())
    # A log that cannot be written must not print what it should not either.
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    # Whatever nobody caught would otherwise be printed with its message.
    sys.excepthook = _uncaught
    threading.excepthook = lambda found: _uncaught(found.exc_type, found.exc_value, found.exc_traceback)
    sys.unraisablehook = lambda found: _uncaught(found.exc_type, found.exc_value, found.exc_traceback)


def begin_for_practice() -> None:
    """Faults with everything that helps to mend them, in plain lines: nothing at a practice terminal is private."""
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s", handlers=[_CurrentError()])


def loop_fault(_: object, context: Mapping[str, Any]) -> None:
    """For `loop.set_exception_handler`: asyncio's own would print results and messages."""
    _log.error("unhandled in the loop", exc_info=context.get("exception") or False)


class Strict(logging.Formatter):
    """A record as one line of JSON, without anything that could be somebody's words."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if record.name.partition(".")[0] in OURS:
            # The event as it stands in the code, before any argument is put into it.
            line["event"] = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
            line |= {name: _extra(value) for name, value in vars(record).items() if name not in _OWN_FIELDS}
        else:
            line["event"] = "said by a library"
            line["at"] = f"{record.module}:{record.lineno} {record.funcName}"
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = [described(error) for error in _chain(record.exc_info[1])]
        return json.dumps(line, ensure_ascii=False)


def described(error: BaseException) -> dict[str, Any]:
    """An exception's type and, innermost last, the places in the code it went through. Not its message."""
    frames = [_frame(frame.f_globals.get("__name__", "?"), line, frame.f_code.co_name) for frame, line in _walk(error)]
    return {"type": type(error).__qualname__, "at": frames[-FRAMES_MAX:]}


def _walk(error: BaseException) -> Iterator[tuple[Any, int]]:
    return traceback.walk_tb(error.__traceback__)


def _frame(module: str, line: int, function: str) -> str:
    return f"{module}:{line} {function}"


def _chain(error: BaseException) -> list[BaseException]:
    """The exception, what caused it, and so on; of a group also its first members."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting and len(found) < CAUSES_MAX:
        current = waiting.pop(0)
        if current is None or any(current is known for known in found):
            continue
        found.append(current)
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions
        waiting.append(current.__cause__ or (None if current.__suppress_context__ else current.__context__))
    return found


def _extra(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple | set):
        return [_extra(item) for item in list(value)[:20]]
    # Only plain words: what else an object would say of itself nobody has looked at.
    return value[:CHARACTERS_MAX] if isinstance(value, str) else type(value).__name__


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if error is not None and not isinstance(error, KeyboardInterrupt):
        _log.critical("uncaught", exc_info=(kind, error, trace))


class _CurrentError(logging.StreamHandler[TextIO]):
    """Writes to what is the standard error output at that moment: a prompt puts itself in between."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """Where to write now."""
        return sys.stderr
