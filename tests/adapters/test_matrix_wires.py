"""What comes from other bots over Matrix may be anything: what is believed, what is too much, and what has changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.matrix_federations import (
    DOOR,
    HEARD_AT_DOOR_MAX,
    SEALED,
    Federations,
    Patience,
    changed,
    creation,
)
from bot.adapters.matrix_rooms import LINKED, Room, link_of
from bot.chat import WireText, door_of, wire_of

ME, THEM = "@solibot:a.example", "@solibot:b.example"
KEY = "f0" * 16
NOW = datetime(2026, 11, 28, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def links() -> Federations:
    """Without rooms, and with nobody to ask: what comes in needs neither."""
    nothing: Any = None
    return Federations(
        nothing, {}, patience=Patience(), language="en", appears=nothing, asked=lambda: 0, heard=lambda: 0
    )


def knock(id_: object, text: object, sender: object = THEM) -> dict[str, Any]:
    return {"type": DOOR, "sender": sender, "content": {"id": id_, "text": text}}


def made(part: str, *, bots: frozenset[str] = frozenset([ME, THEM])) -> Room:
    """A room as it is made."""
    asked = creation(KEY, part, "Northside", language="en", bots=bots, me=ME)
    room = Room("!room", ME)
    created = {**asked["creation_content"], "room_version": asked["room_version"]}
    room.take({"type": "m.room.create", "state_key": "", "sender": ME, "content": created})
    room.take({"type": "m.room.power_levels", "state_key": "", "content": asked["power_level_content_override"]})
    for event in asked["initial_state"]:
        room.take(event)
    return room


def envelope(content: object, **more: object) -> dict[str, Any]:
    return {"type": SEALED, "event_id": "$1", "sender": THEM, "origin_server_ts": 1, "content": content, **more}


def test_an_envelope_on_the_wire_is_heard_and_in_the_council_it_is_not() -> None:
    said = Federations.said(made("wire"), envelope({"envelope": "{}"}))
    assert said is not None
    assert (said.chat.id, said.text, said.event) == (wire_of("matrix", KEY), "{}", "$1")
    for part in ("roster", "council", "space"):
        assert Federations.said(made(part), envelope({"envelope": "{}"})) is None
    assert Federations.said(Room("!chat", ME), envelope({"envelope": "{}"})) is None
    assert Federations.said(made("wire"), envelope({"envelope": "{}"}, state_key="")) is None
    assert Federations.said(made("wire"), envelope({"envelope": "x" * 60_000})) is None


@given(JSON, JSON, JSON)
def test_whatever_comes_over_the_wire_or_to_the_door_stops_nothing(content: Any, more: Any, third: Any) -> None:
    wire = made("wire")
    for event in (
        envelope(content),
        envelope({"envelope": content}, origin_server_ts=more),
        {"type": content, "event_id": "$1", "content": more},
    ):
        found = Federations.said(wire, event)
        assert found is None or isinstance(found.text, str)
    here = links()
    for event in ({"type": DOOR, "sender": content, "content": more}, knock(content, more, third), knock("a", content)):
        came = here.at_the_door(event, now=NOW)
        assert came is None or isinstance(came.text, str)
    assert link_of({LINKED: content}) is None or isinstance(content, dict)
    room = made("wire")
    for kind in ("m.room.power_levels", "m.room.join_rules", "m.room.server_acl", "m.space.child"):
        room.take({"type": kind, "state_key": "", "content": content, "sender": THEM})
    assert changed(room, frozenset([ME, THEM])) in (True, False)


def test_what_is_said_at_the_door_is_known_again_when_it_is_said_again() -> None:
    here = links()
    first, again = here.at_the_door(knock("k1", "{}"), now=NOW), here.at_the_door(knock("k1", "{}"), now=NOW)
    assert isinstance(first, WireText)
    assert first == again
    assert first.chat.id == door_of("matrix", THEM)
    other = here.at_the_door(knock("k1", "{}", "@solibot:c.example"), now=NOW)
    assert other is not None
    assert other.event != first.event


def test_one_who_knocks_all_the_time_leaves_room_for_others_and_many_are_too_many() -> None:
    here = links()
    third = HEARD_AT_DOOR_MAX // 3
    heard = [here.at_the_door(knock(f"k{n}", "{}"), now=NOW) for n in range(100)]
    assert sum(one is not None for one in heard) == third
    assert here.at_the_door(knock("k", "{}", "@solibot:c.example"), now=NOW) is not None
    crowd = [here.at_the_door(knock("k", "{}", f"@bot:{n}.example"), now=NOW) for n in range(1000)]
    assert sum(one is not None for one in crowd) == HEARD_AT_DOOR_MAX - third - 1


@pytest.mark.parametrize("part", ["wire", "roster", "council", "space"])
def test_what_was_made_is_as_it_should_be_and_each_change_is_seen(part: str) -> None:
    bots = frozenset([ME, THEM])
    assert not changed(made(part), bots)
    for kind, content in (
        ("m.room.join_rules", {"join_rule": "public"}),
        ("m.room.history_visibility", {"history_visibility": "world_readable"}),
        ("m.room.guest_access", {"guest_access": "can_join"}),
        ("m.room.server_acl", {"allow": ["*"]}),
        ("m.room.power_levels", {}),
        ("m.room.power_levels", {**(made(part).powers or {}), "users": {THEM: 100}}),
        ("m.room.power_levels", {**(made(part).powers or {}), "events_default": -1}),
        ("m.room.power_levels", {**(made(part).powers or {}), "events": {SEALED: 100}}),
    ):
        room = made(part)
        room.take({"type": kind, "state_key": "", "content": content})
        assert changed(room, bots), (kind, content)


def test_whoever_is_let_in_may_call_people_and_say_envelopes_and_change_nothing_on_the_wire() -> None:
    wire, council = made("wire"), made("council")
    assert wire.may_send(THEM, SEALED)
    assert not wire.may_send(THEM, "m.room.message")
    assert not wire.may_send(THEM, "m.room.power_levels", state=True)
    assert council.power(THEM) >= council.powers["invite"]  # type: ignore[index]
    assert not council.may_send("@ana:a.example", "m.room.name", state=True)
    assert council.may_send("@ana:a.example", "m.room.encrypted")
