"""The web endpoint over real HTTP: who knows an address gets that calendar, and nobody gets more."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import icalendar
import pytest
import pytest_asyncio
from multidict import CIMultiDictProxy

from bot import logs
from bot.adapters.web import CLIENT_REQUESTS_MAX, REQUESTS_MAX, TOKEN_REQUESTS_MAX, Endpoint, answers, client_of
from bot.config import WrongConfig, load
from bot.process import CannotStart, serve
from storage.database import Unavailable
from tests.conftest import Town
from tests.servers.running import RunningBot
from tests.servers.telegram_api import TOKEN
from tests.test_calendar import CLEANING, TAKE, address, press, web


class Site:
    """The endpoint of a practice committee, and a calendar program that asks it."""

    def __init__(self, town: Town, endpoint: Endpoint, session: aiohttp.ClientSession) -> None:
        self.town = town
        self.endpoint = endpoint
        self._session = session

    async def ask(
        self, path: str, method: str = "GET", *, client: str | None = None, **headers: str
    ) -> tuple[int, CIMultiDictProxy[str], str]:
        """Status, headers, and what came."""
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        if client is not None:
            said["X-Forwarded-For"] = client
        url = f"http://127.0.0.1:{self.endpoint.port}{path}"
        async with self._session.request(method, url, headers=said, allow_redirects=False) as answer:
            return answer.status, answer.headers, await answer.text()


@pytest_asyncio.fixture
async def site(town: Town) -> AsyncIterator[Site]:
    """The practice committee with its endpoint; Chi has a seat on the next cleaning."""
    await web(town)
    await town.says("ana", CLEANING)
    await town.says("ana", "/shifts")
    await town.presses("chi", TAKE)
    endpoint = Endpoint(town.practice.app.database, host="127.0.0.1", port=0, now=town.practice.clock)
    await endpoint.open()
    async with aiohttp.ClientSession() as session:
        yield Site(town, endpoint, session)
    await endpoint.close()


def path(token: str) -> str:
    """Where a calendar is."""
    return f"/calendar/{token}.ics"


async def test_whoever_knows_the_address_gets_that_calendar_and_no_names(site: Site) -> None:
    mine = await address(site.town, "chi")
    whole = await address(site.town, "ben", ask="/calendar committee")
    status, headers, body = await site.ask(path(mine))
    assert status == 200
    assert headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"].startswith("private")
    assert headers["Server"] == "Solibot"
    assert len(icalendar.Calendar.from_ical(body).walk("VEVENT")) == 1
    _, _, all_of_it = await site.ask(path(whole))
    assert len(icalendar.Calendar.from_ical(all_of_it).walk("VEVENT")) == 8
    for name in ("Ana", "Ben", "Chi", "Eli"):
        assert name not in body + all_of_it


async def test_a_program_that_has_it_already_is_sent_nothing_until_something_changes(site: Site) -> None:
    mine = await address(site.town, "chi")
    _, headers, body = await site.ask(path(mine))
    status, again, nothing = await site.ask(path(mine), If_None_Match=headers["ETag"])
    assert (status, nothing, again["ETag"]) == (304, "", headers["ETag"])
    # Proxies that compress say that it is only nearly the same.
    assert (await site.ask(path(mine), If_None_Match=f'"other", W/{headers["ETag"]}'))[0] == 304
    head, told, empty = await site.ask(path(mine), "HEAD")
    assert (head, empty) == (200, "")
    assert told["Content-Length"] == str(len(body.encode()))
    await site.town.skip("1d")
    assert (await site.ask(path(mine), If_None_Match=headers["ETag"]))[0] == 304, "the time of day changes nothing"
    await site.town.says("ana", "/task_change cleaning 3h")
    status, changed, _ = await site.ask(path(mine), If_None_Match=headers["ETag"])
    assert status == 200
    assert changed["ETag"] != headers["ETag"]


async def test_an_ended_address_is_dead_at_once(site: Site) -> None:
    first = await address(site.town, "chi")
    assert (await site.ask(path(first)))[0] == 200
    await site.town.whispers("chi", "/calendar")
    await press(site.town, "chi", "New address")
    assert (await site.ask(path(first)))[0] == 404
    bens = await address(site.town, "ben")
    await site.town.says("ben", "/leave")
    assert (await site.ask(path(bens)))[0] == 404


async def test_there_is_nothing_else(site: Site) -> None:
    mine = await address(site.town, "chi")
    wrong = mine[:-1] + ("a" if mine[-1] != "a" else "b")
    for elsewhere in (path(wrong), "/", "/calendar/", f"/calendar/{mine}", path(mine.upper()),
                      f"/calendar/%00{mine[1:]}.ics", path(mine) + "/", "/calendar/' OR 1=1 --.ics"):  # fmt: skip
        status, headers, body = await site.ask(elsewhere)
        assert (status, body) == (404, ""), elsewhere
        assert headers["Referrer-Policy"] == "no-referrer"
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"):
        assert (await site.ask(path(mine), method))[0] == 404, method
    assert (await site.ask(path(mine) + "?x=1"))[0] == 200, "some programs add something"


async def test_who_asks_too_often_waits_and_the_others_do_not(site: Site) -> None:
    mine, bens = await address(site.town, "chi"), await address(site.town, "ben")
    found = [(await site.ask(path(mine), client=f"203.0.113.{n}"))[0] for n in range(TOKEN_REQUESTS_MAX + 1)]
    assert found == [200] * TOKEN_REQUESTS_MAX + [429]
    assert (await site.ask(path(bens), client="203.0.113.1"))[0] == 200
    # Guessing: as many addresses as one likes of one's own network count as one.
    tokens = [f"{n:b}".replace("0", "a").replace("1", "b").rjust(32, "c") for n in range(CLIENT_REQUESTS_MAX + 1)]
    guesses = [(await site.ask(path(token), client=f"2001:db8::{n:x}"))[0] for n, token in enumerate(tokens)]
    assert guesses == [404] * CLIENT_REQUESTS_MAX + [429]
    # Only the proxy's word counts, which is the last.
    assert (await site.ask(path("a" * 32), client="198.51.100.7, 2001:db8::1"))[0] == 429
    site.town.practice.clock.move(site.town.practice.clock() + timedelta(minutes=1))
    status, headers, _ = await site.ask(path(mine), client="2001:db8::1")
    assert status == 200
    for n in range(REQUESTS_MAX):
        status, headers, _ = await site.ask("/", client=f"198.51.{n // 250}.{n % 250}")
    assert (status, headers["Retry-After"]) == (429, "60"), "the chats go first"


async def test_no_log_holds_an_address_or_who_asked(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = await address(site.town, "chi")
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    shouting = logging.StreamHandler()
    root.handlers[:] = [shouting]
    root.setLevel(logging.DEBUG)
    try:
        for asked in (path(mine), "/", path("a" * 32)):
            await site.ask(asked, client="203.0.113.77")
        for broken in (
            b"GET /calendar/%s.ics NONSENSE\r\n\r\n",
            b"\x16\x03\x01%s\r\n\r\n",
            b"GET /%s HTTP/1.1\r\nX\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", site.endpoint.port)
            writer.write(broken % mine.encode())
            await writer.drain()
            await reader.read()
            writer.close()

        async def fails(*_: object) -> None:
            raise ValueError(mine)

        monkeypatch.setattr(site.endpoint, "_calendar", fails)
        shouting.setFormatter(logs.Strict())
        assert (await site.ask(path(mine), client="203.0.113.77"))[0] == 503
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    said = capsys.readouterr().err
    assert "calendar not answered" in said
    assert mine not in said
    assert "203.0.113.77" not in said


async def test_while_the_database_cannot_be_read_programs_are_told_to_come_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = await address(site.town, "chi")

    async def broken(*_: object) -> None:
        raise Unavailable("damaged")

    monkeypatch.setattr(site.town.practice.app.database, "read", broken)
    status, headers, body = await site.ask(path(mine))
    assert (status, headers["Retry-After"], body) == (503, "300", "")
    monkeypatch.undo()
    assert (await site.ask(path(mine)))[0] == 200


def _free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


async def test_the_process_answers_also_while_the_network_does_not_and_ends_in_time(tmp_path: Path) -> None:
    port, nobody = _free_port(), _free_port()
    bot = RunningBot(
        tmp_path,
        f"""[telegram]
token = "{TOKEN}"
base_url = "http://127.0.0.1:{nobody}/bot"

[web]
address = "http://localhost:{port}/"
port = {port}
""",
    )
    await bot.start()
    try:
        async with asyncio.timeout(60):
            while not await answers(f"http://localhost:{port}"):
                await asyncio.sleep(0.1)
        assert not await answers(f"http://localhost:{nobody}")
    finally:
        assert await bot.stop() == 0


def test_a_port_that_somebody_else_has_is_named_before_the_bot_starts(tmp_path: Path) -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        port = door.getsockname()[1]
        settings = tmp_path / "config.toml"
        settings.write_text(
            f'[telegram]\ntoken = "{TOKEN}"\n[web]\naddress = "https://solibot.example.org"\nport = {port}\n'
        )
        with pytest.raises(CannotStart) as raised:
            serve(load(settings))
    assert f"[web] The port {port} at 127.0.0.1 cannot be used" in raised.value.sentence


@pytest.mark.parametrize(
    ("address", "right"),
    [
        ("https://solibot.example.org", True),
        ("https://example.org:8443/solibot/", True),
        ("http://localhost:8730", True),
        ("http://" + "a" * 56 + ".onion", True),
        ("http://solibot.example.org", False),
        ("solibot.example.org", False),
        ("https://example.org/?a", False),
    ],
)
def test_addresses_without_encryption_on_the_way_are_not_taken(address: str, right: bool, tmp_path: Path) -> None:
    settings = tmp_path / "config.toml"
    settings.write_text(f'[telegram]\ntoken = "{TOKEN}"\n[web]\naddress = "{address}"\n')
    if right:
        assert load(settings).web.address == address
    else:
        with pytest.raises(WrongConfig) as raised:
            load(settings)
        assert "[web] address must be an address, such as" in raised.value.sentences[0]


@pytest.mark.parametrize(
    ("remote", "forwarded", "client"),
    [
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("172.17.0.2", "1.2.3.4, 203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("8.8.8.8", "203.0.113.7", "8.8.8.8"),
        ("::1", "2a00:1450:4001:81b::200e", "2a00:1450:4001:081b"),
        (None, "203.0.113.7", ""),
    ],
)
def test_only_a_proxy_of_ones_own_says_who_asks(remote: str | None, forwarded: str | None, client: str) -> None:
    assert client_of(remote, forwarded) == client
