"""Whose devices may read what the bot encrypts, with signatures made by another library than ours."""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import os
import stat
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters import matrix_account as account
from bot.adapters.matrix_account import Session
from bot.adapters.matrix_api import Api, Unreachable
from bot.adapters.matrix_keys import Client, look_at_devices
from bot.adapters.matrix_trust import (
    DEVICES_MAX,
    Damaged,
    Own,
    Pin,
    Trust,
    decide,
    device_key,
    identity,
    refresh_devices,
)

ANA = "@ana:riverside.test"
BEN = "@ben:riverside.test"
BOT = "@bot:riverside.test"

Json = dict[str, Any]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


class Key:
    """An Ed25519 key; the same number is the same key."""

    def __init__(self, number: int) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big"))
        self.public = _base64(self._private.public_key().public_bytes_raw())

    def sign(self, thing: Json, user: str, name: str | None = None) -> Json:
        bare = {key: value for key, value in thing.items() if key not in ("signatures", "unsigned")}
        text = json.dumps(bare, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        signatures = copy.deepcopy(thing.get("signatures", {}))
        signatures.setdefault(user, {})[f"ed25519:{name or self.public}"] = _base64(self._private.sign(text))
        return {**thing, "signatures": signatures}


def _device(user: str, name: str, number: int, *signers: Key) -> Json:
    key = Key(number)
    curve = _base64(X25519PrivateKey.from_private_bytes(number.to_bytes(32, "big")).public_key().public_bytes_raw())
    thing: Json = {
        "user_id": user,
        "device_id": name,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "keys": {f"curve25519:{name}": curve, f"ed25519:{name}": key.public},
    }
    thing = key.sign(thing, user, name)
    for signer in signers:
        thing = signer.sign(thing, user)
    return {**thing, "unsigned": {"device_display_name": "of " + user}}


def _cross(user: str, usage: str, key: Key, by: Key | None = None) -> Json:
    thing = {"user_id": user, "usage": [usage], "keys": {f"ed25519:{key.public}": key.public}}
    return by.sign(thing, user) if by else thing


def _answer(
    user: str, devices: list[Json], *, master: Key | None = None, signing: Key | None = None, by: Key | None = None
) -> Json:
    answer: Json = {"device_keys": {user: {thing["device_id"]: thing for thing in devices}}, "failures": {}}
    if master is not None:
        answer["master_keys"] = {user: _cross(user, "master", master)}
    if signing is not None:
        answer["self_signing_keys"] = {user: _cross(user, "self_signing", signing, by or master)}
    return answer


MASTER, SIGNING, OTHER, OTHER_SIGNING = Key(1), Key(2), Key(3), Key(4)


def _trusted(answer: Json, pins: dict[str, Pin], user: str = ANA, own: Own | None = None) -> dict[str, str]:
    """Device -> why, for those that may read."""
    verdict = decide(answer, pins, [user], own=own)
    return {device: decision.reason for (_, device), decision in verdict.decisions.items() if decision.trusted}


# --- the rules -----------------------------------------------------------------------------------------------


def test_signed_devices_of_a_first_seen_identity_may_read_and_unsigned_ones_may_not() -> None:
    answer = _answer(ANA, [_device(ANA, "A", 10, SIGNING), _device(ANA, "B", 11)], master=MASTER, signing=SIGNING)
    verdict = decide(answer, {}, [ANA])
    assert _trusted(answer, {}) == {"A": "signed"}
    assert verdict.decisions[ANA, "B"].reason == "unsigned"
    assert verdict.pins[ANA] == Pin(MASTER.public, {"A": Key(10).public})


def test_without_an_identity_each_device_may_read_until_its_key_changes() -> None:
    first = decide(_answer(ANA, [_device(ANA, "A", 10)]), {}, [ANA])
    assert first.pins[ANA] == Pin(None, {"A": Key(10).public})
    pins = dict(first.pins)
    assert _trusted(_answer(ANA, [_device(ANA, "A", 10), _device(ANA, "B", 11)]), pins) == {"A": "pinned", "B": "first"}
    changed = decide(_answer(ANA, [_device(ANA, "A", 12)]), pins, [ANA])
    assert changed.decisions[ANA, "A"].reason == "changed_key"
    assert changed.pins == pins  # and it stays so


def test_a_known_devices_key_may_not_change_even_under_a_signature() -> None:
    answer = _answer(ANA, [_device(ANA, "A", 12, SIGNING)], master=MASTER, signing=SIGNING)
    assert _trusted(answer, {ANA: Pin(MASTER.public, {"A": Key(10).public})}) == {}


def test_a_new_identity_is_taken_and_told_once() -> None:
    pins = {ANA: Pin(MASTER.public, {"A": Key(10).public})}
    devices = [_device(ANA, "A", 10, SIGNING), _device(ANA, "B", 11, OTHER_SIGNING)]
    answer = _answer(ANA, devices, master=OTHER, signing=OTHER_SIGNING)
    verdict = decide(answer, pins, [ANA])
    assert verdict.changed == (ANA,)
    assert _trusted(answer, pins) == {"B": "signed"}
    assert verdict.pins[ANA] == Pin(OTHER.public, {"B": Key(11).public})
    assert decide(answer, dict(verdict.pins), [ANA]).changed == ()


def test_an_identity_that_is_hidden_is_told_and_lets_no_new_device_in() -> None:
    pins = {ANA: Pin(MASTER.public, {"A": Key(10).public})}
    answer = _answer(ANA, [_device(ANA, "A", 10, SIGNING), _device(ANA, "B", 11)])
    verdict = decide(answer, pins, [ANA])
    assert (verdict.lost, verdict.changed) == ((ANA,), ())
    assert _trusted(answer, pins) == {"A": "pinned"}
    assert verdict.pins == pins


def test_of_somebody_whose_server_is_down_nothing_is_decided() -> None:
    verdict = decide({"device_keys": {}, "failures": {"riverside.test": {}}}, {ANA: Pin(MASTER.public)}, [ANA])
    assert (verdict.unreached, verdict.decisions, verdict.pins) == ((ANA,), {}, {})


def test_our_own_account_is_a_matter_of_knowledge_not_of_trust() -> None:
    ours = [_device(BOT, "A", 10, SIGNING), _device(BOT, "B", 11)]
    stolen = [_device(BOT, "A", 10), _device(BOT, "B", 11, OTHER_SIGNING)]
    own = Own(BOT, MASTER.public)
    good = _answer(BOT, ours, master=MASTER, signing=SIGNING)
    assert _trusted(good, {}, BOT, own) == {"A": "signed"}
    assert _trusted(good, {}, BOT, Own(BOT, None)) == {}
    assert _trusted(_answer(BOT, stolen, master=OTHER, signing=OTHER_SIGNING), {}, BOT, own) == {}
    assert _trusted(_answer(BOT, stolen), {BOT: Pin(None, {"B": Key(11).public})}, BOT, own) == {}
    verdict = decide(_answer(BOT, stolen, master=OTHER, signing=OTHER_SIGNING), {}, [BOT], own=own)
    assert verdict.changed == (BOT,)
    assert verdict.pins[BOT].identity == MASTER.public


def test_more_devices_than_a_person_has_are_not_looked_at() -> None:
    devices = [_device(ANA, f"{number:04}", 10) for number in range(DEVICES_MAX + 5)]
    assert len(_trusted(_answer(ANA, devices), {})) == DEVICES_MAX


@pytest.mark.parametrize(
    "answer",
    [
        _answer(ANA, [_device(ANA, "A", 10, SIGNING)], master=MASTER, signing=SIGNING, by=OTHER),
        _answer(ANA, [_device(ANA, "A", 10, SIGNING)], master=MASTER),
        _answer(ANA, [_device(ANA, "A", 10, OTHER_SIGNING)], master=MASTER, signing=SIGNING),
        _answer(ANA, [_device(ANA, "A", 10, MASTER)], master=MASTER, signing=SIGNING),
        {
            "device_keys": {ANA: {"A": _device(ANA, "A", 10, SIGNING)}},
            "master_keys": {ANA: _cross(ANA, "master", MASTER)},
            # Somebody else's key, and one that is for another use.
            "self_signing_keys": {ANA: _cross(BEN, "self_signing", SIGNING, MASTER)},
        },
        {
            "device_keys": {ANA: {"A": _device(ANA, "A", 10, SIGNING)}},
            "master_keys": {ANA: _cross(ANA, "master", MASTER)},
            "self_signing_keys": {ANA: _cross(ANA, "user_signing", SIGNING, MASTER)},
        },
    ],
)
def test_a_chain_with_a_wrong_link_lets_nobody_in(answer: Json) -> None:
    assert _trusted(answer, {}) == {}


_PLACES = st.sampled_from(
    [
        ("device_keys", ANA, "A"),
        ("device_keys", ANA, "A", "keys"),
        ("device_keys", ANA, "A", "keys", "ed25519:A"),
        ("device_keys", ANA, "A", "keys", "curve25519:A"),
        ("device_keys", ANA, "A", "algorithms"),
        ("device_keys", ANA, "A", "user_id"),
        ("device_keys", ANA, "A", "device_id"),
        ("device_keys", ANA, "A", "signatures"),
        ("device_keys", ANA, "A", "signatures", ANA),
        ("device_keys", ANA, "A", "signatures", ANA, "ed25519:A"),
        ("device_keys", ANA, "A", "signatures", ANA, f"ed25519:{SIGNING.public}"),
        ("self_signing_keys", ANA),
        ("self_signing_keys", ANA, "keys"),
        ("self_signing_keys", ANA, "usage"),
        ("self_signing_keys", ANA, "user_id"),
        ("self_signing_keys", ANA, "signatures", ANA),
        ("master_keys", ANA, "keys"),
        ("master_keys", ANA, "usage"),
    ]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=50),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=12), inside, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(place=_PLACES, what=_JSON, pinned=st.booleans())
def test_nothing_that_was_changed_on_its_way_is_trusted_or_trips_us(
    place: tuple[str, ...], what: Any, pinned: bool
) -> None:
    answer = copy.deepcopy(_answer(ANA, [_device(ANA, "A", 10, SIGNING)], master=MASTER, signing=SIGNING))
    thing: Any = answer
    for piece in place[:-1]:
        thing = thing[piece]
    if thing[place[-1]] == what:
        return
    thing[place[-1]] = what
    pins = {ANA: Pin(MASTER.public)} if pinned else {}
    verdict = decide(answer, pins, [ANA])
    if pinned or identity(answer, ANA) is not None:
        assert not any(decision.trusted for decision in verdict.decisions.values())


_USERS_DEVICES = st.dictionaries(
    st.sampled_from("ABCD"), st.tuples(st.integers(10, 12), st.sampled_from([None, SIGNING, OTHER_SIGNING])), max_size=4
)
_LOOKS = st.lists(
    st.tuples(st.sampled_from([None, MASTER, OTHER]), _USERS_DEVICES, st.booleans()), min_size=1, max_size=5
)


@settings(max_examples=200, deadline=None)
@given(_LOOKS)
def test_over_any_run_of_answers_trust_follows_its_rules(looks: list[tuple[Key | None, Any, bool]]) -> None:
    pins: dict[str, Pin] = {}
    for master, devices, answered in looks:
        things = [_device(ANA, name, number, *([by] if by else [])) for name, (number, by) in devices.items()]
        signing = {None: None, MASTER: SIGNING, OTHER: OTHER_SIGNING}[master]
        answer = _answer(ANA, things, master=master, signing=signing)
        if not answered:
            answer = {"device_keys": {}}
        before = pins.get(ANA, Pin())
        verdict = decide(answer, pins, [ANA])
        again = decide(answer, {**pins, **verdict.pins}, [ANA])
        pins |= verdict.pins
        if not answered:
            assert pins.get(ANA, Pin()) == before
            continue
        for (_, name), decision in verdict.decisions.items():
            number, by = devices[name]
            if decision.trusted:
                assert decision.ed25519 == Key(number).public == pins[ANA].devices[name]
                assert before.devices.get(name, decision.ed25519) == decision.ed25519
                assert by is signing if master is not None else name in before.devices or before.identity is None
            elif master is not None and by is signing:
                assert before.devices[name] != decision.ed25519
        # Once there was an identity there is always one, and only a new one is told as changed.
        assert before.identity is None or pins[ANA].identity is not None
        assert (ANA in verdict.changed) == (before.identity is not None and master is not None) * (
            master is not None and before.identity != master.public
        )
        assert (ANA in verdict.lost) == (before.identity is not None and master is None)
        # What was decided holds until something else is said.
        assert {key: one.trusted for key, one in again.decisions.items()} == {
            key: one.trusted for key, one in verdict.decisions.items()
        }
        assert again.pins == verdict.pins
        assert again.changed == ()


# --- what is kept --------------------------------------------------------------------------------------------


def test_pins_are_kept_for_our_eyes_only_and_written_only_when_new(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Trust(tmp_path).keep({ANA: Pin("key", {"A": "a"}), BEN: Pin(None, {"B": "b"})})
    finally:
        os.umask(before)
    file = tmp_path / "trust.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    trust = Trust(tmp_path)
    assert trust.pins == {ANA: Pin("key", {"A": "a"}), BEN: Pin(None, {"B": "b"})}
    written = file.stat().st_ino
    trust.keep(dict(trust.pins))
    assert file.stat().st_ino == written
    assert [one.name for one in tmp_path.iterdir()] == ["trust.json"]


def test_damaged_pins_are_never_taken_for_none(tmp_path: Path) -> None:
    for text in ("", "{", "[]", "{}", '{"users": {"@ana:x": null}}'):
        (tmp_path / "trust.json").write_text(text)
        with pytest.raises(Damaged, match="cannot be read"):
            Trust(tmp_path)


# --- nio -----------------------------------------------------------------------------------------------------


class Said(Api):
    """A homeserver that gives these answers, one after the other."""

    def __init__(self, *answers: Json | Exception) -> None:
        super().__init__("http://127.0.0.1:1")
        self.answers = [*answers]

    async def call(self, *_: Any, **__: Any) -> Json:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return copy.deepcopy(answer)


def _client(folder: Path) -> Client:
    session = Session(homeserver="http://127.0.0.1:1", user=BOT, device="BOT", token="hush")
    _, client = account.open_client(folder, account.kept(folder) or session)
    return client


def _may(client: Client, user: str = ANA) -> dict[str, bool]:
    return {
        device.id: client.store.is_device_verified(device) for device in client.device_store.active_user_devices(user)
    }


async def test_decisions_reach_nio_and_hold_over_a_restart_without_a_server(tmp_path: Path) -> None:
    answer = _answer(ANA, [_device(ANA, "A", 10, SIGNING), _device(ANA, "B", 11)], master=MASTER, signing=SIGNING)
    client, trust = _client(tmp_path), Trust(tmp_path)
    client.olm.users_for_key_query.add(ANA)
    changes = await refresh_devices(client, Said(answer), trust, [ANA])
    assert changes.shut_out == {(ANA, "B"): "unsigned"}
    assert _may(client) == {"A": True, "B": False}
    assert client.olm.users_for_key_query == set()
    client.store.database.close()

    client, trust = _client(tmp_path), Trust(tmp_path)
    assert all(device.trust_state.name == "unset" for device in client.device_store)
    changes = await refresh_devices(client, Said({"device_keys": {}, "failures": {"riverside.test": {}}}), trust, [ANA])
    assert changes.unreached == (ANA,)
    assert _may(client) == {"A": True, "B": False}
    assert client.olm.users_for_key_query == {ANA}
    client.store.database.close()


async def test_who_is_named_while_we_ask_is_asked_for_again(tmp_path: Path) -> None:
    client, trust = _client(tmp_path), Trust(tmp_path)

    class Meanwhile(Said):
        async def call(self, *given: Any, **more: Any) -> Json:
            client.olm.users_for_key_query.add(ANA)
            return await super().call(*given, **more)

    client.olm.users_for_key_query.update({ANA, BEN})
    answer = _answer(ANA, [])
    answer["device_keys"][BEN] = {}
    await refresh_devices(client, Meanwhile(answer), trust, [ANA, BEN])
    assert client.olm.users_for_key_query == {ANA}
    with pytest.raises(Unreachable):
        await refresh_devices(client, Said(Unreachable()), trust, [ANA, BEN])
    assert client.olm.users_for_key_query == {ANA, BEN}
    client.store.database.close()


async def test_while_somebody_is_asked_for_nobody_takes_them_for_one_without_devices(tmp_path: Path) -> None:
    client, trust = _client(tmp_path), Trust(tmp_path)

    class Slow(Said):
        async def call(self, *given: Any, **more: Any) -> Json:
            await asyncio.sleep(0.01)
            return await super().call(*given, **more)

    client.olm.users_for_key_query.add(ANA)
    api = Slow(_answer(ANA, [_device(ANA, "A", 10)]))

    async def look() -> dict[str, bool]:
        await look_at_devices(client, api, trust, {ANA})
        return _may(client)

    first, second = await asyncio.gather(look(), look())
    assert first == second == {"A": True}
    client.store.database.close()


async def test_a_device_that_went_and_came_back_may_read_again(tmp_path: Path) -> None:
    client, trust = _client(tmp_path), Trust(tmp_path)
    there = _answer(ANA, [_device(ANA, "A", 10)])
    for answer, may in ((there, {"A": True}), (_answer(ANA, []), {}), (there, {"A": True})):
        await refresh_devices(client, Said(answer), trust, [ANA])
        assert _may(client) == may
    client.store.database.close()


async def test_a_key_that_changed_is_never_encrypted_to_whatever_nio_keeps(tmp_path: Path) -> None:
    client, trust = _client(tmp_path), Trust(tmp_path)
    await refresh_devices(client, Said(_answer(ANA, [_device(ANA, "A", 10)])), trust, [ANA])
    changes = await refresh_devices(client, Said(_answer(ANA, [_device(ANA, "A", 12)])), trust, [ANA])
    assert changes.shut_out == {(ANA, "A"): "changed_key"}
    assert _may(client) == {"A": False}
    # Nor where the pins were lost and only nio knows the first key.
    (tmp_path / "trust.json").unlink()
    await refresh_devices(client, Said(_answer(ANA, [_device(ANA, "A", 12)])), Trust(tmp_path), [ANA])
    assert _may(client) == {"A": False}
    client.store.database.close()


@settings(max_examples=60, deadline=None)
@given(place=_PLACES, what=_JSON.filter(lambda value: value == value))
def test_one_malformed_device_hides_no_other_from_nio(place: tuple[str, ...], what: Any) -> None:
    async def look(folder: Path) -> None:
        answer = copy.deepcopy(_answer(ANA, [_device(ANA, "A", 10, SIGNING)], master=MASTER, signing=SIGNING))
        thing: Any = answer
        for piece in place[:-1]:
            thing = thing[piece]
        thing[place[-1]] = what
        answer["device_keys"][BEN] = {"B": _device(BEN, "B", 11)}
        client = _client(folder)
        await refresh_devices(client, Said(answer), Trust(folder), [ANA, BEN])
        assert _may(client, BEN) == {"B": True}
        assert all(device.trust_state.name != "unset" for device in client.device_store)
        client.store.database.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(look(Path(folder)))


async def test_a_device_that_its_owner_made_malformed_hides_no_other_from_nio(tmp_path: Path) -> None:
    whole = _device(ANA, "A", 10)
    keys = whole["keys"]
    answer = _answer(ANA, [whole])
    changes: list[Json] = [
        {"algorithms": "x"},
        {"algorithms": 5},
        {"algorithms": [5]},
        {"algorithms": None},
        {"keys": {**keys, "curve25519:A": "x"}},
        {"keys": {**keys, "curve25519:A": 5}},
        {"keys": {**keys, "ed25519:B": 5}},
        {"keys": {"ed25519:A": keys["ed25519:A"]}},
    ]
    for number, change in enumerate(changes):
        user = f"@m{number}:riverside.test"
        thing = {**whole, **change, "user_id": user, "signatures": {}}
        answer["device_keys"][user] = {"A": Key(10).sign(thing, user, "A")}
    answer["device_keys"][BEN] = {"B": {**_device(BEN, "B", 11), "unsigned": 5}}
    client = _client(tmp_path)
    await refresh_devices(client, Said(answer), Trust(tmp_path), answer["device_keys"])
    assert {user: _may(client, user) for user in answer["device_keys"] if _may(client, user)} == {
        ANA: {"A": True},
        BEN: {"B": True},
    }
    client.store.database.close()


def test_signed_by_nobody_but_itself_is_not_whole() -> None:
    thing = _device(ANA, "A", 10)
    assert device_key(thing, ANA, "A") == Key(10).public
    assert device_key(thing, ANA, "B") is None
    assert device_key(thing, BEN, "A") is None
    assert device_key({**thing, "algorithms": "x"}, ANA, "A") is None


async def test_a_room_of_fifty_with_three_devices_each_costs_little(tmp_path: Path) -> None:
    users = [f"@m{number}:riverside.test" for number in range(50)]
    answer: Json = {"device_keys": {}, "master_keys": {}, "self_signing_keys": {}}
    for user in users:
        devices = [_device(user, name, 10 + place, SIGNING) for place, name in enumerate("ABC")]
        for kind, things in _answer(user, devices, master=MASTER, signing=SIGNING).items():
            answer.setdefault(kind, {}).update(things)
    client, trust = _client(tmp_path), Trust(tmp_path)
    seconds = []
    for _ in range(2):
        begun = time.process_time()
        await refresh_devices(client, Said(answer), trust, users)
        seconds.append(time.process_time() - begun)
    assert all(_may(client, user) == {"A": True, "B": True, "C": True} for user in users)
    assert seconds[0] < 2.0, seconds
    assert seconds[1] < 1.0, seconds
    client.store.database.close()
