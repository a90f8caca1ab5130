"""The bot's account on a real homeserver: logging in, keys that are whole, lost or locked, and its identity."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from nio import MegolmEvent, RoomMessageText

from bot.adapters import matrix_account as account
from bot.adapters import matrix_api
from bot.adapters.matrix_account import CannotLogIn, CannotSign, KeyStore, NeedsLogin, Session, WrongKey
from bot.adapters.matrix_api import Api, ApiProblem, NotFound, Unreachable, discover, path, versions
from bot.adapters.matrix_keys import Client, look_at_devices, share_room_key, upload_keys
from bot.adapters.matrix_trust import Damaged
from tests.servers.matrix_members import Account, Member, reads_only_signed
from tests.servers.synapse import Homeserver

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture(autouse=True)
def _usual_umask() -> Any:
    before = os.umask(0o022)
    yield
    os.umask(before)


@asynccontextmanager
async def _answering(handler: Handler) -> AsyncIterator[str]:
    """A server that answers everything in this way; its address."""
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _bot(homeserver: Homeserver, folder: Path) -> tuple[Account, Session]:
    """An account for the bot, and the bot logged in to it."""
    made = await homeserver.register(f"bot-{secrets.token_hex(3)}")
    session = await account.log_in(folder, homeserver=homeserver.url, user=made.user, password=made.password)
    return made, session


@asynccontextmanager
async def _running(folder: Path) -> AsyncIterator[tuple[Session, Client, Api]]:
    """The bot with its keys open and uploaded."""
    session, _ = await account.ready(folder)
    session, client = account.open_client(folder, session)
    api = session.api()
    try:
        await upload_keys(client, api)
        yield session, client, api
    finally:
        await client.close()
        client.store.database.close()
        await api.close()


def _modes(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): oct(stat.S_IMODE(file.stat().st_mode)) for file in folder.rglob("*")}


# --- the API -------------------------------------------------------------------------------------------------


async def test_a_pause_that_is_asked_for_is_known_in_seconds() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    for body, headers, least, most in (
        ({"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 1500}, {}, 1.5, 1.5),
        ({"errcode": "M_LIMIT_EXCEEDED"}, {"Retry-After": "7"}, 7, 7),
        ({"errcode": "M_LIMIT_EXCEEDED"}, {"Retry-After": later}, 80, 90),
        ({"retry_after_ms": 10**400}, {}, 3600, 3600),
    ):

        async def handler(_: web.Request, body: Any = body, headers: Any = headers) -> web.Response:
            return web.json_response(body, status=429, headers=headers)

        async with _answering(handler) as url:
            api = Api(url)
            with pytest.raises(ApiProblem) as caught:
                await api.call("GET", path("account", "whoami"))
            await api.close()
        assert caught.value.status == 429
        assert caught.value.retry_after_seconds is not None
        assert least <= caught.value.retry_after_seconds <= most


async def test_nonsense_asked_of_us_is_no_pause() -> None:
    for said in ("soon", "nan", "inf", "-"):

        async def handler(_: web.Request, said: str = said) -> web.Response:
            return web.json_response({"retry_after_ms": "x"}, status=429, headers={"Retry-After": said})

        async with _answering(handler) as url:
            api = Api(url)
            with pytest.raises(ApiProblem) as caught:
                await api.call("GET", "/x")
            await api.close()
        assert caught.value.retry_after_seconds is None


async def test_a_proxys_page_is_a_problem_without_a_code() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=502, text="<h1>Bad gateway</h1> secret", content_type="text/html")

    async with _answering(handler) as url:
        api = Api(url, token="hush")
        with pytest.raises(ApiProblem) as caught:
            await api.call("PUT", path("rooms", "!a:b", "send"), {})
        await api.close()
    assert (caught.value.status, caught.value.code, str(caught.value)) == (502, "", "502")


async def test_a_page_instead_of_json_and_a_silence_are_no_answers() -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="Welcome to the station's network", content_type="text/html")

    async def silent(_: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.json_response({})

    for handler in (page, silent):
        async with _answering(handler) as url:
            api = Api(url, seconds=0.3)
            with pytest.raises(Unreachable):
                await api.call("GET", "/x")
            await api.close()
    api = Api("http://127.0.0.1:1")
    with pytest.raises(Unreachable):
        await api.call("GET", "/x")
    await api.close()


async def test_an_answer_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.adapters.matrix_api.BYTES_MAX", 100_000)

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b" " * 65_536)
        return response

    async with _answering(handler) as url:
        api = Api(url)
        with pytest.raises(Unreachable):
            await api.call("GET", "/x")
        await api.close()


async def test_ids_arrive_as_they_were_whatever_they_hold() -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.raw_path)
        return web.json_response({})

    async with _answering(handler) as url:
        api = Api(url)
        await api.call("GET", path("rooms", "!a/b%2F?#:c", "state"), query={"from": "a&b=c"})
        await api.close()
    assert seen == ["/_matrix/client/v3/rooms/%21a%2Fb%252F%3F%23%3Ac/state?from=a%26b%3Dc"]


async def test_the_token_does_not_follow_a_redirect() -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/elsewhere":
            raise AssertionError
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async with _answering(handler) as url:
        api = Api(url, token="hush")
        with pytest.raises(ApiProblem, match="302"):
            await api.call("GET", "/x")
        await api.close()


async def test_a_homeserver_is_found_by_its_address_and_by_loopback_name(homeserver: Homeserver) -> None:
    assert await discover(homeserver.url + "/") == homeserver.url
    place = f"127.0.0.1:{homeserver.port}"
    assert await discover(place) == f"http://{place}"
    assert await discover(f"@bot:{place}") == f"http://{place}"
    api = Api(homeserver.url)
    assert "v1.11" in await versions(api)
    await api.close()


async def test_what_is_no_homeserver_is_said_in_words() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"hello": 1})

    async with _answering(handler) as url:
        with pytest.raises(NotFound, match="no Matrix homeserver"):
            await discover(url)
    for name in ("", "@bot", "exa mple.org", "a/b", "@bot:@x", "a:b:c"):
        with pytest.raises(NotFound, match="is no name"):
            await discover(name)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"m.homeserver": {"base_url": "https://matrix.example.org/"}}, "https://matrix.example.org"),
        ({"m.homeserver": {"base_url": "http://matrix.example.org"}}, None),
        ({"m.homeserver": {"base_url": "ftp://matrix.example.org"}}, None),
        ({"m.homeserver": {"base_url": 5}}, None),
        ({}, None),
    ],
)
async def test_a_server_may_send_us_to_its_homeserver_but_never_without_https(
    said: Any, found: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.path == "/.well-known/matrix/client"
        return web.json_response(said)

    class Https:
        """aiohttp's session, for which the test's server is one with a certificate."""

        def __init__(self, **_: Any) -> None:
            self._real = original(cookie_jar=None)

        async def __aenter__(self) -> Any:
            return self

        async def __aexit__(self, *_: object) -> None:
            await self._real.close()

        @asynccontextmanager
        async def get(self, _: str, **__: Any) -> AsyncIterator[Any]:
            async with self._real.get(url + "/.well-known/matrix/client") as response:
                response._url = response._url.with_scheme("https")
                response._cache.clear()
                yield response

    original = aiohttp.ClientSession
    async with _answering(handler) as url:
        monkeypatch.setattr(aiohttp, "ClientSession", Https)
        if found is not None:
            assert await matrix_api._well_known("example.org", 5) == found
        else:
            with pytest.raises(NotFound):
                await matrix_api._well_known("example.org", 5)


# --- logging in ----------------------------------------------------------------------------------------------


async def test_a_login_is_kept_and_only_we_can_read_it(homeserver: Homeserver, tmp_path: Path) -> None:
    folder = tmp_path / "matrix"
    folder.mkdir(mode=0o755)
    (folder / "store").mkdir(mode=0o755)
    _, session = await _bot(homeserver, folder)
    async with _running(folder) as (_, client, api):
        account.trust(folder, session).keep({})
        await account.cross_sign(api, account.kept(folder) or session, folder)
        await client.sync(0, full_state=True)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        modes = _modes(folder)
        assert modes.pop("store") == "0o700"
        assert len(modes) == 6, modes  # session, identity, pickle key; the store with -wal and -shm
        assert set(modes.values()) == {"0o600"}, modes
        assert (await api.call("GET", path("account", "whoami")))["device_id"] == session.device
    file = account.store_file(folder, session)
    file.chmod(0o644)  # as from a copy that was put back
    async with _running(folder):
        assert set(_modes(folder / "store").values()) == {"0o600"}


async def test_a_wrong_password_and_an_unknown_user_are_told_alike(homeserver: Homeserver, tmp_path: Path) -> None:
    made = await homeserver.register(f"bot-{secrets.token_hex(3)}")
    for user, password in ((made.user, "wrong"), (homeserver.user("nobody"), "x"), ("@bot:elsewhere.org", "x")):
        with pytest.raises(CannotLogIn, match="user name or the password"):
            await account.log_in(tmp_path, homeserver=homeserver.url, user=user, password=password)
    assert account.kept(tmp_path) is None


async def test_a_closed_account_says_so(homeserver: Homeserver, tmp_path: Path) -> None:
    made = await homeserver.register(f"bot-{secrets.token_hex(3)}")
    await homeserver.deactivate(made.user)
    with pytest.raises(CannotLogIn, match=r"closed|not right"):
        await account.log_in(tmp_path, homeserver=homeserver.url, user=made.user, password=made.password)


async def test_a_homeserver_that_takes_no_passwords_is_told_from_a_wrong_one(tmp_path: Path) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"flows": [{"type": "m.login.sso"}]})

    async with _answering(handler) as url:
        with pytest.raises(CannotLogIn, match="does not let programs log in"):
            await account.log_in(tmp_path, homeserver=url, user="bot", password="x")


async def test_after_a_soft_logout_the_same_device_goes_on_with_its_keys(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    made, _ = await _bot(homeserver, tmp_path)
    async with _running(tmp_path) as (session, _, _):
        pass
    again = await account.log_in_again(tmp_path, session, made.password)
    assert again.token != session.token
    assert replace(again, token="") == replace(session, token="")
    async with _running(tmp_path) as (now, client, _):
        assert now.fingerprint == session.fingerprint == client.olm.account.identity_keys["ed25519"]


async def test_an_unknown_token_is_known_as_one_and_logging_out_twice_is_fine(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    _, session = await _bot(homeserver, tmp_path)
    api = session.api()
    await account.log_out(api)
    await account.log_out(api)
    with pytest.raises(ApiProblem) as caught:
        await api.call("GET", path("account", "whoami"))
    assert (caught.value.logged_out, caught.value.soft_logout) == (True, False)
    await api.close()


async def test_a_soft_logout_is_told_from_a_hard_one() -> None:
    problem = ApiProblem(401, {"errcode": "M_UNKNOWN_TOKEN", "soft_logout": True})
    assert (problem.logged_out, problem.soft_logout) == (True, True)


async def test_a_damaged_session_is_never_taken_for_none(tmp_path: Path) -> None:
    for text in ("", "{", "[]", "{}", '{"homeserver": 1}'):
        (tmp_path / "session.json").write_text(text)
        with pytest.raises(Damaged):
            account.kept(tmp_path)


# --- the key store -------------------------------------------------------------------------------------------


async def test_a_device_is_fresh_then_whole(homeserver: Homeserver, tmp_path: Path) -> None:
    _, session = await _bot(homeserver, tmp_path)
    assert account.look(tmp_path, session) is KeyStore.FRESH
    async with _running(tmp_path) as (session, _, _):
        assert account.look(tmp_path, session) is KeyStore.WHOLE  # while it is in use too
    assert account.look(tmp_path, session) is KeyStore.WHOLE
    assert await account.ready(tmp_path) == (session, KeyStore.WHOLE)


async def test_a_kill_before_the_keys_were_named_loses_nothing(homeserver: Homeserver, tmp_path: Path) -> None:
    _, fresh = await _bot(homeserver, tmp_path)
    async with _running(tmp_path) as (session, _, _):
        pass
    account.keep(tmp_path, fresh)  # as it was before they were made
    assert await account.ready(tmp_path) == (fresh, KeyStore.WHOLE)
    async with _running(tmp_path) as (again, _, _):
        assert again == session


@pytest.mark.parametrize("how", ["gone", "empty", "garbage", "no account", "another"])
async def test_lost_keys_are_answered_with_a_new_device(homeserver: Homeserver, tmp_path: Path, how: str) -> None:
    made, _ = await _bot(homeserver, tmp_path)
    async with _running(tmp_path) as (session, _, _):
        pass
    file = account.store_file(tmp_path, session)
    for end in ("", "-wal", "-shm"):
        file.with_name(file.name + end).unlink(missing_ok=True)
    if how == "empty":
        file.touch()
    elif how == "garbage":
        file.write_bytes(b"not a database" * 1000)
    elif how in ("no account", "another"):
        _, client = account.open_client(tmp_path, replace(session, fingerprint=None))
        if how == "no account":
            client.store.database.execute_sql("DELETE FROM accounts")
        client.store.database.close()
        account.keep(tmp_path, session)
    assert account.look(tmp_path, session) is KeyStore.LOST
    with pytest.raises(NeedsLogin, match="keys of the bot's Matrix device are lost") as caught:
        await account.ready(tmp_path)
    assert caught.value.reason == "lost_store"

    new, found = await account.ready(tmp_path, password=made.password)
    assert found is KeyStore.LOST
    assert new.device != session.device
    api = new.api()
    assert session.device not in [device.id for device in await account.devices(api)]
    assert account.unexpected(await account.devices(api), new) == [
        device for device in await account.devices(api) if device.id == made.device
    ]
    await api.close()
    assert await account.ready(tmp_path) == (new, KeyStore.FRESH)
    async with _running(tmp_path):
        pass


@pytest.mark.parametrize("how", ["another", "gone"])
async def test_a_wrong_key_destroys_nothing_and_the_right_one_mends_it(
    homeserver: Homeserver, tmp_path: Path, how: str
) -> None:
    made, _ = await _bot(homeserver, tmp_path)
    async with _running(tmp_path) as (session, _, _):
        pass
    key = tmp_path / "pickle.key"
    right = key.read_text()
    if how == "gone":
        key.unlink()
    else:
        key.write_text("ab" * 32)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(WrongKey, match="Put back the right one"):
        await account.ready(tmp_path, password=made.password)
    assert {file: file.read_bytes() for file in before} == before
    key.write_text(right)
    async with _running(tmp_path) as (again, client, _):
        assert again.fingerprint == session.fingerprint == client.olm.account.identity_keys["ed25519"]


async def test_lost_keys_are_seen_at_the_upload_too(homeserver: Homeserver, tmp_path: Path) -> None:
    _, fresh = await _bot(homeserver, tmp_path)
    async with _running(tmp_path):
        pass
    for file in (tmp_path / "store").iterdir():
        file.unlink()
    account.keep(tmp_path, fresh)
    with pytest.raises(ApiProblem) as caught:
        async with _running(tmp_path):
            pass
    assert account.lost_by(caught.value)
    assert not account.lost_by(ApiProblem(400, {"errcode": "M_UNKNOWN", "error": "Room already exists"}))
    assert not account.lost_by(ApiProblem(502, {}))


_KILLED_AT_THE_UPLOAD = """
import asyncio, os, signal, sys
from pathlib import Path
from bot.adapters import matrix_account as account
from bot.adapters.matrix_api import Api
from bot.adapters.matrix_keys import upload_keys

async def main():
    folder = Path(sys.argv[1])
    session, client = account.open_client(folder, account.kept(folder))
    call = Api.call
    async def killed(*given, **more):
        await call(*given, **more)
        os.kill(os.getpid(), signal.SIGKILL)
    Api.call = killed
    await upload_keys(client, session.api())

asyncio.run(main())
"""


async def test_a_kill_between_uploading_keys_and_the_answer_loses_none(homeserver: Homeserver, tmp_path: Path) -> None:
    await _bot(homeserver, tmp_path)
    assert await _program(_KILLED_AT_THE_UPLOAD, tmp_path) == -signal.SIGKILL
    async with (
        Member(homeserver.url, await homeserver.register(f"ana-{secrets.token_hex(3)}")) as ana,
        _running(tmp_path) as (session, client, _),  # nio's own upload is refused here: "already exists"
    ):
        wanted = {"one_time_keys": {session.user: {session.device: "signed_curve25519"}}}
        claimed = (await ana.call("POST", "/v3/keys/claim", wanted))["one_time_keys"][session.user][session.device]
        [(_, key)] = claimed.items()
        assert client.olm.verify_json(key, session.fingerprint, session.user, session.device)


async def test_used_up_one_time_keys_are_replaced(homeserver: Homeserver, tmp_path: Path) -> None:
    await _bot(homeserver, tmp_path)
    async with (
        Member(homeserver.url, await homeserver.register(f"ana-{secrets.token_hex(3)}")) as ana,
        _running(tmp_path) as (session, client, api),
    ):
        wanted = {"one_time_keys": {session.user: {session.device: "signed_curve25519"}}}
        for _ in range(50):
            await ana.call("POST", "/v3/keys/claim", wanted)
        assert (await ana.call("POST", "/v3/keys/claim", wanted))["one_time_keys"] == {}
        await client.sync(0)
        await upload_keys(client, api)
        assert (await ana.call("POST", "/v3/keys/claim", wanted))["one_time_keys"] != {}


# --- reading -------------------------------------------------------------------------------------------------


async def _program(text: str, *arguments: Any) -> int:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", text, *map(str, arguments))
    return await asyncio.wait_for(process.wait(), 60)


_KILLED_BETWEEN_THE_SAVES = """
import asyncio, os, signal, sys
from pathlib import Path
from bot.adapters import matrix_account as account
from bot.adapters.matrix_keys import Store

async def main():
    folder = Path(sys.argv[1])
    session, client = account.open_client(folder, account.kept(folder))
    Store.save_inbound_group_session = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    await client.sync(0, since=sys.argv[2], full_state=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("version", ["11", "12"])
@pytest.mark.parametrize("met_before", [False, True])
async def test_a_kill_between_nios_two_saves_loses_no_room_key(
    homeserver: Homeserver, tmp_path: Path, version: str, met_before: bool
) -> None:
    await _bot(homeserver, tmp_path)
    ana = await homeserver.somebody("ana", encrypted=True)
    async with _running(tmp_path) as (session, client, api):
        room = await ana.create_room("Riverside", version=version, encrypted=True, invite=[session.user])
        await api.call("POST", path("join", room))
        await ana.hears(room, lambda event: event.get("state_key") == session.user)
        since = (await client.sync(0, full_state=True)).next_batch
        if met_before:
            await ana.say(room, "first")
            since = (await client.sync(0)).next_batch
            await ana.discard_session(room)
    await ana.say(room, "hello")
    assert await _program(_KILLED_BETWEEN_THE_SAVES, tmp_path, since) == -signal.SIGKILL
    for _ in range(2):  # the second time as after a kill before our own place was kept
        async with _running(tmp_path) as (_, client, _):
            response = await client.sync(0, since=since, full_state=True)
            texts = [event.body for event in response.rooms.join[room].timeline.events if hasattr(event, "body")]
            assert texts == ["hello"]


async def test_who_is_let_in_can_read_us_and_others_come_to_no_harm(homeserver: Homeserver, tmp_path: Path) -> None:
    await _bot(homeserver, tmp_path)
    ana, ben = await homeserver.somebody("ana", strict=True), await homeserver.somebody("ben", encrypted=True)
    await ana.sign_device()
    eve = await homeserver.somebody("eve", encrypted=True)
    async with _running(tmp_path) as (session, client, api):
        await account.cross_sign(api, session, tmp_path)
        trust = account.trust(tmp_path, session)
        room = await ana.create_room("Riverside", encrypted=True, invite=[session.user, ben.user])
        await api.call("POST", path("join", room))
        await ben.join(room)
        await client.sync(0, full_state=True)

        async def say(text: str) -> str:
            await share_room_key(client, api, trust, room)
            kind, content = client.encrypt(room, "m.room.message", {"msgtype": "m.text", "body": text})
            sent = await api.call("PUT", path("rooms", room, "send", kind, secrets.token_hex(4)), content)
            return str(sent["event_id"])

        await say("to both")
        await ana.hears(room, "to both", by=session.user)
        await ben.hears(room, "to both", by=session.user)

        # A second device of Ana's that she has not signed: the homeserver could have made it.
        injected = await type(eve).login(homeserver.url, ana.user, ana.account.password)
        await injected.start()
        # And somebody new.
        await ana.invite(room, eve.user)
        await eve.join(room)
        await client.sync(0)
        changes = await look_at_devices(client, api, trust)
        assert changes.shut_out[(ana.user, injected.device)] == "unsigned"
        event = await say("after")
        await ana.hears(room, "after", by=session.user)
        await eve.hears(room, "after", by=session.user)
        await injected.hears(room, lambda one: one["event_id"] == event)
        assert event in injected.unread

        await injected.close()

        # Whoever left cannot read what comes.
        await ben.leave(room)
        await client.sync(0)
        event = await say("without Ben")
        await ana.hears(room, "without Ben", by=session.user)
        assert (ben.user, ben.device) not in client.olm.outbound_group_sessions[room].users_shared_with


async def test_nobody_vouches_for_a_device_that_is_shut_out(homeserver: Homeserver, tmp_path: Path) -> None:
    await _bot(homeserver, tmp_path)
    ana = await homeserver.somebody("ana", encrypted=True)
    await ana.sign_device()
    other = await type(ana).login(homeserver.url, ana.user, ana.account.password)
    async with _running(tmp_path) as (session, client, api), other:
        trust = account.trust(tmp_path, session)
        room = await ana.create_room("Riverside", encrypted=True, invite=[session.user])
        await api.call("POST", path("join", room))
        await client.sync(0, full_state=True)
        for member, text in ((ana, "mine"), (other, "not mine")):
            await member.hears(room, lambda event: event.get("state_key") == session.user)
            await member.say(room, text)
        response = await client.sync(0)
        await look_at_devices(client, api, trust)
        said = [event for event in response.rooms.join[room].timeline.events if isinstance(event, RoomMessageText)]
        assert {event.body: client.vouched(event) for event in said} == {"mine": True, "not mine": False}


async def test_a_device_that_uploads_nonsense_keeps_nobody_else_from_reading(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    await _bot(homeserver, tmp_path)
    ana = await homeserver.somebody("ana", encrypted=True)
    mallory = await homeserver.somebody("mallory", encrypted=True)
    assert mallory.client.olm is not None

    def signed(thing: dict[str, Any]) -> dict[str, Any]:
        signature = mallory.client.olm.sign_json(thing)
        return {**thing, "signatures": {mallory.user: {f"ed25519:{mallory.device}": signature}}}

    wanted = {"one_time_keys": {mallory.user: {mallory.device: "signed_curve25519"}}}
    for _ in range(50):
        await ana.call("POST", "/v3/keys/claim", wanted)
    nonsense = {"signed_curve25519:x": signed({"key": "nonsense"})}
    await mallory.call("POST", "/v3/keys/upload", {"one_time_keys": nonsense})
    async with _running(tmp_path) as (session, client, api):
        trust = account.trust(tmp_path, session)
        room = await ana.create_room("Riverside", encrypted=True, invite=[session.user, mallory.user])
        await api.call("POST", path("join", room))
        await client.sync(0, full_state=True)
        await share_room_key(client, api, trust, room)
        assert client.olm.outbound_group_sessions[room].users_shared_with == {(ana.user, ana.device)}


async def test_a_key_that_could_not_be_sent_is_sent_at_the_next_try(
    homeserver: Homeserver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _bot(homeserver, tmp_path)
    ana = await homeserver.somebody("ana", encrypted=True)
    async with _running(tmp_path) as (session, client, api):
        trust = account.trust(tmp_path, session)
        room = await ana.create_room("Riverside", encrypted=True, invite=[session.user])
        await api.call("POST", path("join", room))
        await client.sync(0, full_state=True)
        call = Api.call
        for part in ("/keys/query", "/keys/claim", "/sendToDevice/"):

            async def cut(self: Api, method: str, where: str, *given: Any, part: str = part, **more: Any) -> Any:
                if part in where:
                    raise Unreachable
                return await call(self, method, where, *given, **more)

            with monkeypatch.context() as patch:
                patch.setattr(Api, "call", cut)
                with pytest.raises(Unreachable):
                    await share_room_key(client, api, trust, room)
        await share_room_key(client, api, trust, room)
        kind, content = client.encrypt(room, "m.room.message", {"msgtype": "m.text", "body": "hello"})
        await api.call("PUT", path("rooms", room, "send", kind, "once"), content)
        await ana.hears(room, "hello", by=session.user)


async def test_who_had_no_one_time_keys_is_tried_again_after_a_while(homeserver: Homeserver, tmp_path: Path) -> None:
    await _bot(homeserver, tmp_path)
    ana = await homeserver.somebody("ana", encrypted=True)
    ben = await homeserver.somebody("ben", encrypted=True)
    wanted = {"one_time_keys": {ben.user: {ben.device: "signed_curve25519"}}}
    await ben.close()
    while (await ana.call("POST", "/v3/keys/claim", wanted))["one_time_keys"]:
        pass
    async with _running(tmp_path) as (session, client, api):
        trust = account.trust(tmp_path, session)
        room = await ana.create_room("Riverside", encrypted=True, invite=[session.user, ben.user])
        await api.call("POST", path("join", room))
        await client.sync(0, full_state=True)
        await share_room_key(client, api, trust, room)
        first = client.olm.outbound_group_sessions[room]
        assert first.users_shared_with == {(ana.user, ana.device)}
        assert ben.client.olm is not None
        ben.client.olm.uploaded_key_count = 0
        await ben.client.keys_upload()
        await share_room_key(client, api, trust, room)
        assert client.olm.outbound_group_sessions[room] is first
        client._claimed_at[room] -= 600
        await share_room_key(client, api, trust, room)
        assert client.olm.outbound_group_sessions[room].users_shared_with == {
            (ana.user, ana.device),
            (ben.user, ben.device),
        }


async def test_malformed_events_stop_nobody_and_encrypted_state_moves_nothing(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    await _bot(homeserver, tmp_path)
    ana = await homeserver.somebody("ana", encrypted=True)
    async with _running(tmp_path) as (session, client, api):
        room = await ana.create_room("Riverside", encrypted=True, invite=[session.user])
        await api.call("POST", path("join", room))
        await ana.hears(room, lambda event: event.get("state_key") == session.user)
        await client.sync(0, full_state=True)

        own = client.olm.account.identity_keys["curve25519"]
        contents: list[dict[str, Any]] = [
            {"ciphertext": {own: {"type": 0, "body": "!!!"}}},
            {"ciphertext": {own: {"type": 1, "body": "AAAA"}}},
            {"ciphertext": {own: {"type": 0}}},
            {"ciphertext": {own: {"type": 0, "body": "AwogAAAA"}}, "sender_key": "?"},
        ]
        for content in contents:
            body = {"algorithm": "m.olm.v1.curve25519-aes-sha2", "sender_key": ana.keys[0], **content}
            messages = {"messages": {session.user: {session.device: body}}}
            await ana.call("PUT", f"/v3/sendToDevice/m.room.encrypted/{secrets.token_hex(4)}", messages)

        olm: Any = ana.client.olm
        encrypt = olm.group_encrypt

        def with_state(key: str) -> Callable[[str, dict[str, Any]], Any]:
            return lambda room_id, thing: encrypt(room_id, {**thing, "state_key": key})

        await ana.say(room, "hello")
        for kind, key, state in (
            ("m.room.member", session.user, {"membership": "leave"}),
            ("m.room.member", "@eve:elsewhere.org", {"membership": "join"}),
            ("m.room.power_levels", "", {"users": {ana.user: 100, session.user: -1}}),
            ("m.room.tombstone", "", {"body": "gone", "replacement_room": "!evil"}),
        ):
            olm.group_encrypt = with_state(key)
            await ana.send(room, kind, state)
        sender = olm.outbound_group_sessions[room]

        def raw(text: bytes) -> Callable[[str, dict[str, Any]], Any]:
            return lambda room_id, thing: {
                **encrypt(room_id, thing),
                "ciphertext": sender._session.encrypt(text).to_base64(),
            }

        for text in (b"\xff\xfe", b"[1]", b'"x"', b"[" * 20_000):
            olm.group_encrypt = raw(text)
            await ana.send(room, "m.room.message", {})
        olm.group_encrypt = encrypt
        await ana.say(room, "still here")

        response = await client.sync(0)
        events = response.rooms.join[room].timeline.events
        assert [event.body for event in events if isinstance(event, RoomMessageText)] == ["hello", "still here"]
        assert sum(isinstance(event, MegolmEvent) for event in events) == 8
        there = client.rooms[room]
        assert set(there.users) == {ana.user, session.user}
        assert there.replacement_room is None
        assert there.power_levels.users.get(session.user) != -1


# --- the identity --------------------------------------------------------------------------------------------


async def test_a_strict_client_reads_us_and_signing_again_changes_nothing(
    homeserver: Homeserver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _bot(homeserver, tmp_path)
    async with (
        Member(homeserver.url, await homeserver.register(f"ana-{secrets.token_hex(3)}")) as ana,
        _running(tmp_path) as (session, _, api),
    ):
        assert await account.signed(api, session.user, session.device) == "no_identity"
        assert await reads_only_signed(ana, session.user, session.device) is not None
        await account.cross_sign(api, session, tmp_path)
        assert await reads_only_signed(ana, session.user, session.device) is None
        assert await account.signed(api, session.user, "nowhere") == "no_device"
        assert await account.signed(api, session.user, session.device, master=account.master_key(tmp_path)) is None

        calls: list[str] = []
        call = Api.call

        async def noted(self: Api, method: str, where: str, *given: Any, **more: Any) -> Any:
            calls.append(where)
            return await call(self, method, where, *given, **more)

        monkeypatch.setattr(Api, "call", noted)
        seeds = (tmp_path / "identity.json").read_bytes()
        await account.cross_sign(api, session, tmp_path)
        assert calls == [path("keys", "query")]
        assert (tmp_path / "identity.json").read_bytes() == seeds


async def test_an_unsigned_device_is_told_from_a_wrongly_signed_one(homeserver: Homeserver, tmp_path: Path) -> None:
    made, _ = await _bot(homeserver, tmp_path)
    async with _running(tmp_path) as (session, _, api):
        await account.cross_sign(api, session, tmp_path)
    for file in ("session.json", "pickle.key"):
        (tmp_path / file).unlink()
    await account.log_in(tmp_path, homeserver=homeserver.url, user=made.user, password=made.password)
    async with _running(tmp_path) as (session, _, api):
        assert await account.signed(api, session.user, session.device) == "unsigned"
        await account.cross_sign(api, session, tmp_path)  # the same identity, a new device: no password
        assert await account.signed(api, session.user, session.device) is None


async def test_a_kill_between_making_and_uploading_the_identity_keeps_its_seeds(
    homeserver: Homeserver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _bot(homeserver, tmp_path)
    async with _running(tmp_path) as (session, _, api):

        async def killed(*_: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(account, "_upload_identity", killed)
            with pytest.raises(KeyboardInterrupt):
                await account.cross_sign(api, session, tmp_path)
        master = account.master_key(tmp_path)
        await account.cross_sign(api, session, tmp_path)
        assert await account.signed(api, session.user, session.device, master=master) is None


async def test_another_identity_on_the_account_is_noticed_and_replaced_only_with_the_password(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    made, _ = await _bot(homeserver, tmp_path / "bot")
    elsewhere = tmp_path / "elsewhere"
    await account.log_in(elsewhere, homeserver=homeserver.url, user=made.user, password=made.password)
    async with _running(elsewhere) as (theirs, _, api):
        await account.cross_sign(api, theirs, elsewhere)
    async with _running(tmp_path / "bot") as (session, _, api):
        folder = tmp_path / "bot"
        for _ in range(2):
            with pytest.raises(NeedsLogin) as caught:
                await account.cross_sign(api, session, folder)
            assert caught.value.reason == "other_identity"
            assert not (folder / "identity.json").exists()
        with pytest.raises(CannotLogIn, match="password is not right"):
            await account.cross_sign(api, session, folder, "wrong")
        await account.cross_sign(api, session, folder, made.password)
        master = account.master_key(folder)
        assert await account.signed(api, session.user, session.device, master=master) is None
        assert await account.signed(api, session.user, theirs.device, master=master) == "unsigned"
        assert await account.signed(api, session.user, session.device, master="x") == "other_identity"


async def test_we_do_not_sign_a_device_that_the_homeserver_shows_in_place_of_ours(
    homeserver: Homeserver, tmp_path: Path
) -> None:
    await _bot(homeserver, tmp_path)
    async with _running(tmp_path) as (session, _, api):
        with pytest.raises(CannotSign, match="other keys"):
            await account.cross_sign(api, replace(session, fingerprint="x" * 43), tmp_path)
        assert await account.signed(api, session.user, session.device) == "unsigned"


async def test_a_device_that_we_did_not_make_is_noticed(homeserver: Homeserver, tmp_path: Path) -> None:
    made, session = await _bot(homeserver, tmp_path)
    api = session.api()
    found = await account.devices(api)
    assert {device.id for device in found} == {made.device, session.device}
    assert [device.name for device in found if device.id == session.device] == ["Solibot"]
    session = account.know(tmp_path, session, [made.device])
    assert account.unexpected(found, session) == []
    thief = await Member.login(homeserver.url, made.user, made.password)
    [stranger] = account.unexpected(await account.devices(api), account.kept(tmp_path) or session)
    assert stranger.id == thief.device
    with pytest.raises(NeedsLogin):
        await account.delete_device(api, thief.device, user=made.user, password=None)
    await account.delete_device(api, thief.device, user=made.user, password=made.password)
    assert account.unexpected(await account.devices(api), session) == []
    await api.close()


async def test_a_kill_after_the_login_leaves_no_login_that_nobody_knows_of(
    homeserver: Homeserver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await homeserver.register(f"bot-{secrets.token_hex(3)}", "correct horse")
    await homeserver.log_out_device(made.user, made.device)

    def killed(folder: Path, session: Session) -> None:
        raise KeyboardInterrupt

    async def log_in() -> Session:
        return await account.log_in(tmp_path, homeserver=homeserver.url, user=made.user, password="correct horse")

    with monkeypatch.context() as patch:
        patch.setattr(account, "keep", killed)
        with pytest.raises(KeyboardInterrupt):
            await log_in()
    session = await log_in()
    api = session.api()
    try:
        assert [device.id for device in await account.devices(api)] == [session.device]
    finally:
        await api.close()
    assert (await log_in()).device != session.device, "the next login is a device of its own"
