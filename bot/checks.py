"""What `solibot check` looks at, and what `solibot status` tells."""

from __future__ import annotations

import asyncio
import http.client
import shutil
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from bot.app import utc_now
from bot.chat import ChatId, Dispatcher, native
from bot.config import NETWORKS, Config, WrongConfig
from bot.domain import audit
from bot.process import is_running, own_processes, telegram, trouble
from bot.text import Reader as For
from bot.text import Text, shown
from storage import inbox, inspection, people, transfers
from storage import log as books
from storage.database import OlderSchema, Reader, StorageError, look

FREE_BYTES_MIN = 100_000_000
CLOCK_OFF_MAX = timedelta(seconds=30)
ANSWER_SECONDS_MAX = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `remedy` says what to do where it is wrong."""

    subject: str
    what: str
    remedy: str | None = None

    @property
    def ok(self) -> bool:
        """Whether it is as it should be."""
        return self.remedy is None

    def __str__(self) -> str:
        if self.remedy is None:
            return f"ok     {self.subject}: {self.what}"
        return f"WRONG  {self.subject}: {self.what} -> {self.remedy}"


async def findings(config: Config, file: Path | None) -> AsyncIterator[Finding]:
    """Everything, one after the other. `file`: where the settings were read from."""
    for finding in _settings(config, file):
        yield finding
    if config.processes is not None:
        yield _processes(config)
    yield _disk(config)
    groups: dict[str, list[tuple[ChatId, str]]] = {name: [] for name in NETWORKS}
    newest: datetime | None = None
    try:
        async with look(config.database_file, key=config.database_key) as tx:
            groups = {name: await inspection.groups(tx, name) for name in NETWORKS}
            newest = await inbox.newest(tx)
            yield await _file(tx, config)
            async for finding in _books(tx):
                yield finding
    except FileNotFoundError:
        yield Finding("database", "there is none yet; “solibot run” makes it")
    except OlderSchema:
        yield Finding("database", "of an older version; “solibot run” keeps a copy and brings it up to date")
    except StorageError as error:
        yield Finding("database", *trouble(error, config))
    if config.telegram is None and config.matrix is None:
        yield _clock_alone(newest)
        yield Finding("network", "none is configured.", "add a section [telegram] or [matrix]: “solibot init”")
    compared = False
    if config.telegram is not None:
        yield await _clock(config.telegram.base_url, newest)
        compared = True
        async for finding in _telegram(config, groups["telegram"]):
            yield finding
    if config.matrix is not None:
        async for finding in _matrix(config, groups["matrix"], newest, compared=compared):
            yield finding
    if config.web.address is not None:
        yield await _web(config.web.address, running=is_running(config.data))


# --- the machine -----------------------------------------------------------------------------------------------------


def _settings(config: Config, file: Path | None) -> list[Finding]:
    """The settings are readable, or we would not be here; but by whom?"""
    files = [path for path in (file, *config.secret_files, config.data) if path is not None and path.exists()]
    exposed = [path for path in files if path.stat().st_mode & stat.S_IRWXO]
    if exposed:
        return [
            Finding("config", f"every user of this machine can get at {path}.", f"chmod o-rwx {path}")
            for path in exposed
        ]
    return [Finding("config", str(file) if file is not None else "from the environment")]


def _processes(config: Config) -> Finding:
    """The host's own processes for polls."""
    try:
        found = own_processes(config)
    except WrongConfig as wrong:
        return Finding("processes", " ".join(wrong.sentences), "mend the file, or take it out of the folder")
    return Finding("processes", ", ".join(one.name for one in found) or f"none in {config.processes}")


def _disk(config: Config) -> Finding:
    free = free_bytes(config.data)
    if free < FREE_BYTES_MIN:
        return Finding("disk", f"only {size(free)} are free.", "make room: a full disk stops the bot")
    return Finding("disk", f"{size(free)} free")


def _clock_alone(newest: datetime | None) -> Finding:
    """The clock, where there is nothing but the database to compare it with."""
    now = utc_now()
    if newest is not None and newest - now > CLOCK_OFF_MAX:
        # Reminders and deadlines would come late by that much.
        return Finding("clock", f"it is {now:%Y-%m-%d %H:%M} UTC here, but events of later are stored.", _SET_CLOCK)
    return Finding("clock", f"{now:%Y-%m-%d %H:%M} UTC")


async def _clock(address: str, newest: datetime | None) -> Finding:
    """The clock, compared with the one of the server at this address."""
    alone, now = _clock_alone(newest), utc_now()
    if not alone.ok:
        return alone
    try:
        off = await asyncio.to_thread(_off, address)
    except (OSError, http.client.HTTPException, ValueError):
        return Finding("clock", f"{now:%Y-%m-%d %H:%M} UTC (not compared: {urlsplit(address).hostname} did not answer)")
    seconds = round(abs(off).total_seconds())
    if abs(off) > CLOCK_OFF_MAX:
        return Finding("clock", f"it is {seconds} s {'ahead' if off > timedelta() else 'behind'}.", _SET_CLOCK)
    return Finding("clock", f"{now:%Y-%m-%d %H:%M} UTC, as the network says")


_SET_CLOCK = "set the machine's clock; “timedatectl set-ntp true” keeps it right"


def _off(address: str) -> timedelta:
    """How far this machine's clock is ahead of a server's, to a second or two."""
    parts = urlsplit(address)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=ANSWER_SECONDS_MAX)
    try:
        connection.request("HEAD", "/")
        date = connection.getresponse().getheader("Date")
        now = datetime.now(UTC)
    finally:
        connection.close()
    there = parsedate_to_datetime(date or "")
    # Its clock is told in whole seconds, cut off.
    return now - (there if there.tzinfo else there.replace(tzinfo=UTC)) - timedelta(seconds=0.5)


# --- the database ----------------------------------------------------------------------------------------------------


async def _file(tx: Reader, config: Config) -> Finding:
    damage = await inspection.damage(tx)
    if damage:
        return Finding("database", f"it is damaged ({len(damage)} faults).", "put back the newest copy that is whole")
    encrypted = "encrypted" if config.database_key is not None else "not encrypted"
    running = "in use by the running bot" if is_running(config.data) else "the bot is not running"
    return Finding("database", f"whole, {encrypted}, {size(config.database_file.stat().st_size)}; {running}")


async def _books(tx: Reader) -> AsyncIterator[Finding]:
    """Hours sum to zero, balances are what the postings say, and every entry follows on the one before."""
    wrong = 0
    if accounts := await transfers.unbalanced(tx):
        wrong += 1
        yield Finding("books", f"{len(accounts)} balances are not what their postings sum to.", _KEEP)
    ids = await inspection.committees(tx)
    for id_ in ids:
        committee = await people.committee(tx, id_)
        for unit, total in sorted((await transfers.uneven(tx, id_)).items(), key=lambda one: one[0] or 0):
            wrong += 1
            told = f"the hours of {committee.name} sum to {total} minutes"
            if unit is not None:
                told = f"unit {unit} of {committee.name} sums to {total} hundredths"
            yield Finding("books", f"{told}, not to zero.", _KEEP)
        try:
            await books.recompute(tx, committee)
        except audit.Broken as broken:
            wrong += 1
            told = _FAULTS[broken.fault].format(number=broken.number, committee=committee.name)
            yield Finding("books", told, _KEEP)
        if since := await books.stopped_since(tx, id_):
            wrong += 1
            yield Finding(
                "books",
                f"since {since:%Y-%m-%d %H:%M} UTC nothing is written into the books of {committee.name}: "
                "a check found that they did not add up.",
                "mend what stands above, or put back a backup; then start the bot: it checks them, and writes again",
            )
    if not wrong:
        count = await inspection.count_entries(tx)
        yield Finding(
            "books", f"hours sum to zero, balances agree, chains are whole (committees: {len(ids)}, entries: {count})"
        )


_FAULTS: dict[audit.Fault, str] = {
    "chain": "entry {number} of {committee} does not follow on the one before.",
    "transfer": "the exchange at entry {number} of {committee} is not the one that was recorded.",
    "note": "the words of the exchange at entry {number} of {committee} are not those that were recorded.",
    "words": "the words beside entry {number} of {committee} are not those that were recorded.",
    "hold": "hours of {committee} that are kept back are not those of its open exchanges.",
    "balance": "balances of {committee} are not what its entries sum to, {number} of them.",
}
_KEEP = "stop the bot, keep a copy of the data folder as it is, and report it"


# --- Telegram --------------------------------------------------------------------------------------------------------


async def _telegram(config: Config, groups: list[tuple[ChatId, str]]) -> AsyncIterator[Finding]:
    # It only asks the network, so there is nobody to hand events to.
    adapter = telegram(config, cast("Dispatcher", None))
    try:
        accepted = True
        for ok, words in await adapter.describe():
            yield _described("telegram", ok, words)
            accepted = accepted and ok
        for chat, name in groups if accepted else ():
            yield _rights(name, await adapter.rights(chat))
    finally:
        await adapter.close()


def _described(network: str, ok: bool, words: Text) -> Finding:
    """What an adapter says: where something is wrong, the first sentence says what, and the others what to do."""
    sentence = shown(words, For())
    if ok:
        return Finding(network, sentence)
    what, _, rest = sentence.partition(". ")
    remedy = f"{rest[:1].lower()}{rest[1:]}".rstrip(".") or "look at this machine's connection, then try again"
    return Finding(network, f"{what.rstrip('.')}.", remedy)


def _rights(name: str, rights: str) -> Finding:
    subject = f"group of {name}"
    match rights:
        case "member" | "administrator" | "creator":
            return Finding(subject, f"the bot is {rights}")
        case "restricted":
            return Finding(subject, "the bot may not write there.", "whoever manages the group lets it write")
        case "unknown":
            return Finding(subject, "Telegram did not answer.", "try again in a minute")
        case _:
            return Finding(subject, "the bot is not in it any more.", "add it to the group again")


# --- Matrix ----------------------------------------------------------------------------------------------------------


async def _matrix(
    config: Config, rooms: list[tuple[ChatId, str]], newest: datetime | None, *, compared: bool
) -> AsyncIterator[Finding]:
    from bot.adapters.matrix_check import Inspection, Unanswered, exposed

    assert config.matrix is not None
    running = is_running(config.data)
    account = Inspection(
        folder=config.matrix_folder,
        homeserver=config.matrix_homeserver,
        user=config.matrix.user,
        password_known=config.matrix_password is not None,
    )
    try:
        found = await account.describe()
        if not compared:
            yield await _clock(account.address, newest) if account.address else _clock_alone(newest)
        for ok, words in found:
            yield _described("matrix", ok, words)
        if files := exposed(config.matrix_folder):
            others = f" and {len(files) - 1} more" if len(files) > 1 else ""
            remedy = f"chmod -R go-rwx {config.matrix_folder}"
            yield Finding("matrix keys", f"other users of this machine can get at {files[0]}{others}.", remedy)
        if running:
            yield Finding("matrix keys", "not looked into, because the bot is running")
        else:
            yield Finding("matrix keys", *account.keys())
        if not account.let_in:
            return
        try:
            standings = await account.rooms([native(chat) for chat, _ in rooms])
        except Unanswered as error:
            yield Finding("rooms", f"the homeserver does not answer ({error}).", "try again in a minute")
        else:
            for chat, name in rooms:
                yield Finding(f"room of {name}", *standings[native(chat)])
        if running:
            yield Finding("matrix limit", "measured only while the bot is not running")
        else:
            yield Finding("matrix limit", *await account.limit())
    finally:
        await account.close()


async def _web(address: str, *, running: bool) -> Finding:
    """Whether calendar programs can reach the bot from outside."""
    from bot.adapters.web import answers

    if not running:
        return Finding("web", "looked at only while the bot is running")
    if await answers(address.rstrip("/")):
        return Finding("web", f"{address} leads to the bot")
    return Finding(
        "web", f"{address} does not lead to the bot.", "look at the proxy: docs/host.md, Calendars, says how"
    )


# --- status ----------------------------------------------------------------------------------------------------------


async def status(config: Config) -> AsyncIterator[tuple[str, str]]:
    """What the bot is doing: a subject and a sentence each. Raises what `look` raises."""
    yield "process", "running" if is_running(config.data) else "not running"
    async with look(config.database_file, key=config.database_key) as tx:
        now = utc_now()
        found = await inspection.standing(tx)
        for network, at in found.read:
            yield network, f"last successful poll {ago(now - at)} ({at:%Y-%m-%d %H:%M:%S} UTC)"
        if not found.read:
            yield "networks", "none has been read yet"
        oldest = f", the oldest from {ago(now - found.oldest)}" if found.oldest is not None else ""
        yield "outbox", f"{found.owed} {'message waits' if found.owed == 1 else 'messages wait'}{oldest}"
        yield "cards", f"{found.cards} to be brought up to date"
        yield "next", f"{found.due:%Y-%m-%d %H:%M} UTC" if found.due is not None else "nothing is planned"
    yield "disk", f"{size(free_bytes(config.data))} free, the database takes {size(_taken(config.database_file))}"


def ago(time: timedelta) -> str:
    """`12 s ago`, `3 min ago`, `2 h ago`, `4 days ago`."""
    seconds = max(0, round(time.total_seconds()))
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"


def size(count: int) -> str:
    """Bytes as people read them."""
    amount, unit = float(count), "B"
    for following in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, following
    return f"{amount:.1f} {unit}" if unit != "B" else f"{count} B"


def free_bytes(folder: Path) -> int:
    """What is free on the disk where a folder is, or will be."""
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    return shutil.disk_usage(there).free


def _taken(file: Path) -> int:
    return sum(path.stat().st_size for path in (file, file.with_name(f"{file.name}-wal")) if path.exists())
