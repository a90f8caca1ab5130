"""The log tells where something went wrong, and never what somebody wrote."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import logs
from bot.practice import SCRIPT_START, FixedClock, Practice
from storage import transfers

ROOT = Path(__file__).parent.parent
SECRET = "pumpernickel"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Logging as `solibot run` does it, into memory; everything is put back afterwards."""
    root, stream = logging.getLogger(), io.StringIO()
    kept = (root.handlers[:], root.level, logging.raiseExceptions)
    hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    logs.begin("info", stream)
    yield stream
    root.handlers[:], root.level, logging.raiseExceptions = kept
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(False)
    for name in logs.OURS:
        logging.getLogger(name).setLevel(logging.NOTSET)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """The logged objects; each is on one line."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail(word: str) -> None:
    """Fail with a word in the message."""
    raise ValueError(f"cannot read {word}")


def test_a_line_is_one_object_with_time_level_logger_event_and_extras(written: io.StringIO) -> None:
    logging.getLogger("bot.delivery").info("stopped with\nmessages owed", extra={"ms": 12, "lanes": [1, 2], "ok": True})
    [line] = lines(written)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "bot.delivery",
        "event": "stopped with\nmessages owed",
        "ms": 12,
        "lanes": [1, 2],
        "ok": True,
    }


def test_of_an_exception_only_its_type_and_its_places_are_logged(written: io.StringIO) -> None:
    try:
        try:
            fail(SECRET)
        except ValueError as error:
            error.add_note(SECRET)
            raise KeyError(SECRET) from error
    except KeyError:
        logging.getLogger("bot.dispatch").exception("incident", extra={"reference": "ABC123"})
    assert SECRET not in written.getvalue()
    [line] = lines(written)
    assert line["reference"] == "ABC123"
    assert [error["type"] for error in line["error"]] == ["KeyError", "ValueError"]
    [place] = [place for place in line["error"][1]["at"] if place.endswith(" fail")]
    assert place.startswith("tests.test_logs:")
    assert str(ROOT) not in written.getvalue()


def test_members_of_a_group_of_exceptions_are_named_by_type(written: io.StringIO) -> None:
    group = ExceptionGroup(SECRET, [ValueError(SECRET), OSError(SECRET)])
    logging.getLogger("bot.x").error("failed", exc_info=group)
    assert SECRET not in written.getvalue()
    assert [error["type"] for error in lines(written)[0]["error"]] == ["ExceptionGroup", "ValueError", "OSError"]


def test_arguments_are_not_put_into_events(written: io.StringIO) -> None:
    logging.getLogger("bot.x").warning("read %s", SECRET)
    assert lines(written)[0]["event"] == "read %s"
    assert SECRET not in written.getvalue()


def test_things_among_the_extras_are_named_by_type(written: io.StringIO) -> None:
    class Member:
        def __repr__(self) -> str:
            return SECRET

    logging.getLogger("bot.x").warning("odd", extra={"member": Member(), "by": {"name": SECRET}})
    logging.getLogger("bot.x").warning(Member())
    assert SECRET not in written.getvalue()
    assert lines(written)[0]["member"] == "Member"
    assert lines(written)[1]["event"] == "Member"


@pytest.mark.parametrize("library", ["telegram.ext", "aiohttp.server", "apscheduler.scheduler", "aiosqlite", "asyncio"])
def test_libraries_are_heard_from_warnings_upwards_and_without_their_words(library: str, written: io.StringIO) -> None:
    # An adapter that ran before may have silenced its own.
    logging.getLogger(library.partition(".")[0]).setLevel(logging.NOTSET)
    log = logging.getLogger(library)
    log.info("chatter %s", SECRET)
    log.warning(f"bad {SECRET}")  # noqa: G004 - that is what they do
    log.warning("bad %s", SECRET, extra={"chat": SECRET})
    try:
        fail(SECRET)
    except ValueError:
        log.exception(SECRET)
    assert SECRET not in written.getvalue()
    found = lines(written)
    assert len(found) == 3
    assert found[0]["at"].startswith("test_logs:")
    assert found[2]["error"][0]["type"] == "ValueError"


def test_warnings_are_logged_without_their_words(written: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(SECRET, stacklevel=1)
    assert SECRET not in written.getvalue()


async def test_faults_that_the_loop_finds_are_logged_without_results(written: io.StringIO) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(logs.loop_fault)
    loop.call_soon(fail, SECRET)
    await asyncio.sleep(0.01)
    loop.call_exception_handler({"message": SECRET, "future": SECRET})
    assert SECRET not in written.getvalue()
    found = lines(written)
    assert found[0]["error"][0]["type"] == "ValueError"
    assert "error" not in found[1]


def test_what_nobody_caught_is_not_printed_with_its_message() -> None:
    program = f"""
        import threading
        from bot import logs
        logs.begin("info")
        def fail(): raise ValueError("{SECRET}")
        thread = threading.Thread(target=fail); thread.start(); thread.join()
        class Odd:
            def __del__(self): fail()
        Odd()
        fail()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert SECRET not in done.stderr
    found = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["error"][0]["type"] for line in found] == ["ValueError"] * 3


async def test_a_fault_in_a_command_is_found_by_its_reference_and_tells_nothing(
    written: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    practice = await Practice.open(
        tmp_path, line=lambda where, what: said.append(what), clock=FixedClock(SCRIPT_START), repeatable=True
    )

    async def fails(*_: object, **arguments: object) -> None:
        raise RuntimeError(repr(arguments))

    monkeypatch.setattr(transfers, "record", fails)
    try:
        await practice.say("ana", f"/thank @ben 1h30 {SECRET}")
    finally:
        await practice.close()
    assert practice.app.dispatcher.incidents == 1
    assert SECRET not in written.getvalue()
    [incident] = [line for line in lines(written) if line["event"] == "incident"]
    assert incident["reference"] in said[-1]
    assert incident["error"][0]["type"] == "RuntimeError"
    for secret in ("ana", "Ana", "ben", "console:"):
        assert f'"{secret}' not in written.getvalue()
