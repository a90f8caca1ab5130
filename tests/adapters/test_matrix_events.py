"""What the Matrix adapter makes of events and rooms, without a server: rules, words, and whatever else may come in."""

from __future__ import annotations

import json
import math
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS, EventFormatVersions, RoomVersion
from synapse.event_auth import get_send_level, get_user_power_level
from synapse.events import EventBase, make_event_from_dict
from synapse.types import get_domain_from_id

from bot.adapters.matrix_events import Converter, chat_of, is_edit, thread_of
from bot.adapters.matrix_rooms import NAME_CHARACTERS_MAX, Member, Room, localpart, server_of
from bot.adapters.matrix_wire import Read, _batch, _for_keys
from bot.adapters.matrix_words import (
    CONTENT_BYTES_MAX,
    as_html,
    chosen,
    contents,
    replacement,
    symbol,
)
from bot.app import commands
from bot.chat import Arrival, Choice, Departure, Incoming, Key, Message, MessageErased, Undecryptable, Unreadable
from bot.text import Span, plain

BOT, ANA, BEN = "@bot:example.org:8448", "@ana:example.org:8448", "@ben:other.example"
NOW = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
ALL = commands()
VERSIONS = [str(number) for number in range(1, 13)]

Json = dict[str, Any]


def _room(*, names: dict[str, str] | None = None) -> Room:
    room = Room("!riverside", BOT)
    for user, name in {BOT: "Solibot", ANA: "Ana", BEN: "Ben", **(names or {})}.items():
        room.take(_state("m.room.member", user, {"membership": "join", "displayname": name}))
    return room


def _state(kind: str, key: str, content: Any, sender: str = ANA) -> Json:
    return {"type": kind, "state_key": key, "content": content, "sender": sender, "event_id": "$s"}


def _event(content: Any, kind: str = "m.room.message", sender: str = ANA, **more: Any) -> Json:
    at = int(NOW.timestamp() * 1000)
    return {"type": kind, "event_id": "$e", "sender": sender, "origin_server_ts": at, "content": content, **more}


def _converter() -> Converter:
    return Converter(BOT, commands=ALL, now=lambda: NOW)


def _read(event: Json, room: Room | None = None, authors: dict[str, str] | None = None) -> Incoming | None:
    room = room or _room()
    return _converter().incoming(room, chat_of(room, None), event, authors or {})


def _said(body: str, html: str | None = None, room: Room | None = None, **more: Any) -> Message:
    content: Json = {"msgtype": "m.text", "body": body, **more}
    if html is not None:
        content |= {"format": "org.matrix.custom.html", "formatted_body": html}
    found = _read(_event(content), room)
    assert isinstance(found, Message)
    return found


# --- whatever comes in ---------------------------------------------------------------------------------------

_words = st.text(max_size=20) | st.sampled_from(["!thank", "2", "2️⃣", BOT, ANA, "$e", "m.thread", "m.replace", "join"])
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3),
    max_leaves=8,
)
_relation = st.fixed_dictionaries(
    {},
    optional={
        "rel_type": st.sampled_from(["m.thread", "m.replace", "m.annotation", 5, None]) | _json,
        "event_id": st.just("$b") | _json,
        "key": st.just("1️⃣") | _json,
        "is_falling_back": st.booleans() | _json,
        "m.in_reply_to": st.fixed_dictionaries({}, optional={"event_id": st.just("$b") | _json}) | _json,
    },
)
_content = st.fixed_dictionaries(
    {},
    optional={
        "msgtype": st.just("m.text") | _json,
        "body": st.just("!thank Ben 1h") | _words | _json,
        "format": st.just("org.matrix.custom.html") | _json,
        "formatted_body": st.just(f'<a href="https://matrix.to/#/{BEN}">Ben</a>') | _words | _json,
        "m.relates_to": _relation | _json,
        "membership": st.sampled_from(["join", "leave", "ban", "invite", "knock"]) | _json,
        "displayname": _json,
        "redacts": _json,
        "users": st.dictionaries(st.sampled_from([ANA, BEN, BOT]), _json, max_size=3) | _json,
        "users_default": _json,
        "events": _json,
        "state_default": _json,
        "room_version": st.sampled_from([*VERSIONS, "x", ""]) | _json,
        "creator": st.just(ANA) | _json,
        "additional_creators": st.lists(_json, max_size=2) | _json,
        "predecessor": st.fixed_dictionaries({}, optional={"room_id": _json}) | _json,
        "replacement_room": _json,
        "org.solibot.private_with": _json,
        "algorithm": _json,
        "name": _json,
    },
)
_kinds = st.sampled_from(
    [
        "m.room.message", "m.reaction", "m.room.member", "m.room.redaction", "m.room.encrypted", "m.room.create",
        "m.room.power_levels", "m.room.name", "m.room.tombstone", "m.room.encryption", "org.example.odd",
    ]
)  # fmt: skip
_events = st.fixed_dictionaries(
    {"type": _kinds, "event_id": st.text(min_size=1, max_size=10)},
    optional={
        "sender": st.sampled_from([ANA, BEN, BOT]) | _json,
        "content": _content | _json,
        "state_key": st.sampled_from(["", ANA, BEN, BOT]) | _json,
        "origin_server_ts": st.integers() | _json,
        "redacts": _json,
        "unsigned": st.fixed_dictionaries({}, optional={"prev_content": _content | _json}) | _json,
    },
)


@given(events=st.lists(_events, max_size=6))
def test_no_event_however_malformed_stops_the_reading(events: list[Json]) -> None:
    room, converter = _room(), _converter()
    for event in events:
        json.loads(json.dumps(event))
        room.take(event)
        found = converter.incoming(room, chat_of(room, None), event, {"$b": BOT}, threads={"$b": "$t"})
        assert found is None or found.event == event["event_id"] or isinstance(found, Unreadable)
        if isinstance(found, Message | Choice):
            assert found.sender.user == f"matrix:{event['sender']}"
            assert found.sender.name
            assert found.at <= NOW
        if isinstance(found, Message):
            for mention in found.mentions:
                assert 0 <= mention.start < mention.end <= len(found.text)
        converter.answers_to(room, event)
        is_edit(event)
        thread_of(event)
        for user in (ANA, BEN, BOT, "", "@x"):
            room.manages(user)
            room.name_of(user)
            room.alone_with({ANA: [room.id]})


@given(body=st.dictionaries(st.sampled_from(["next_batch", "to_device"]), _json), events=st.lists(_events, max_size=4))
def test_what_the_library_sees_of_an_answer_is_only_what_it_understands(body: Json, events: list[Json]) -> None:
    answer = {**body, "rooms": {"join": {"!r": {"timeline": {"events": events}, "state": {"events": events}}}}}
    before = json.dumps(answer)
    for room in _for_keys(answer)["rooms"]["join"].values():
        for event in room["timeline"]["events"]:
            if event["type"] == "m.room.member" and isinstance(event.get("content"), dict):
                assert event["content"].keys() == {"membership"}
    assert json.dumps(answer) == before
    assert len(_batch(answer, "s", lambda _, event: Read(event), BOT).joined["!r"].timeline) == len(events)


@pytest.mark.parametrize(
    "odd",
    [
        "<a " * 20_000, "<!--" * 15_000, "<a href='" * 7000, "<" * 60_000, "&" * 60_000, "<a href=" + "\t" * 50_000,
        "</a" * 15_000, "<mx-reply>" * 6000, "<a href='https://matrix.to/#/@b:x'>" * 500, " " * 60_000,
        "Solibot" + " " * 60_000, "> " * 30_000, ">\n" * 30_000, "!thank " + "„ " * 30_000, "!" + "a" * 60_000,
    ],
)  # fmt: skip
def test_nobody_keeps_the_bot_busy_with_a_long_message(odd: str) -> None:
    begun = time.process_time()
    room = _room()
    content: Json = {
        "msgtype": "m.text", "body": odd, "format": "org.matrix.custom.html",
        "m.relates_to": {"m.in_reply_to": {"event_id": "$b"}},
    }  # fmt: skip
    for formatted in ("matrix.to" + odd, "matrix.to" + odd[:19_900]):
        event = _event({**content, "formatted_body": formatted})
        _converter().answers_to(room, event)
        found = _read(event, room, {"$b": BEN})
        if isinstance(found, Message):
            ALL.line(found.text, found.mentions)
    assert time.process_time() - begun < 1.0


# --- power ---------------------------------------------------------------------------------------------------

_level = st.integers(-10, 110) | st.integers(-10, 110).map(str)
_powers = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "users": st.dictionaries(st.sampled_from([ANA, BEN]), _level, max_size=2),
        "users_default": _level,
        "events": st.dictionaries(st.sampled_from(["m.room.name", "m.reaction"]), _level, max_size=2),
        "events_default": _level,
        "state_default": _level,
    },
)


@given(
    version=st.sampled_from(VERSIONS),
    powers=_powers,
    creator=st.sampled_from([ANA, BEN]),
    sender=st.sampled_from([ANA, BEN]),
    more=st.lists(st.sampled_from([ANA, BEN]), max_size=1),
)
@example(version="12", powers={}, creator=ANA, sender=ANA, more=[BEN])
@example(version="11", powers={}, creator=ANA, sender=ANA, more=[BEN])
@example(version="10", powers=None, creator=ANA, sender=BEN, more=[])
@example(version="11", powers=None, creator=ANA, sender=BEN, more=[])
def test_power_is_what_the_homeserver_says(
    version: str, powers: Json | None, creator: str, sender: str, more: list[str]
) -> None:
    rules = KNOWN_ROOM_VERSIONS[version]
    content: Json = {"room_version": version, "additional_creators": more}
    if not rules.implicit_room_creator:
        content["creator"] = creator
    room = Room("!r", BOT)
    create = _state("m.room.create", "", content, sender)
    room.take(create)
    state = {("m.room.create", ""): _theirs(create, rules)}
    levels = None
    if powers is not None:
        event = _state("m.room.power_levels", "", powers, sender)
        room.take(event)
        levels = state["m.room.power_levels", ""] = _theirs(event, rules)
    for user in (ANA, BEN, BOT):
        theirs = get_user_power_level(user, state)
        assert room.power(user) == (math.inf if theirs > 2**52 else theirs)
    for kind in ("m.room.name", "m.reaction", "m.room.topic"):
        assert room.needed(kind, state=True) == get_send_level(kind, "", levels)
        assert room.needed(kind) == get_send_level(kind, None, levels)


def _theirs(event: Json, rules: RoomVersion) -> EventBase:
    whole = {
        **event, "room_id": "!r:example.org", "origin_server_ts": 1, "depth": 1, "prev_events": [], "auth_events": [],
        "hashes": {}, "signatures": {},
    }  # fmt: skip
    if rules.event_format != EventFormatVersions.ROOM_V1_V2:
        del whole["event_id"]
    if rules.msc4291_room_ids_as_hashes and event["type"] == "m.room.create":
        del whole["room_id"]
    return make_event_from_dict(whole, room_version=rules)


def test_who_looks_after_a_room_may_set_it_up() -> None:
    room = _room()
    room.take(_state("m.room.create", "", {"room_version": "12"}, ANA))
    assert (room.manages(ANA), room.manages(BEN), room.manages(BOT)) == (True, False, False)
    room.take(_state("m.room.power_levels", "", {"users": {BEN: 50}}))
    assert (room.manages(ANA), room.manages(BEN)) == (True, True)
    room.take(_state("m.room.power_levels", "", {"users": {BEN: 50}, "events": {"m.room.name": 75}}))
    assert (room.manages(ANA), room.manages(BEN)) == (True, False)
    room.take(_state("m.room.power_levels", "", {"users_default": 100, "events": {"m.room.name": 0}}))
    assert room.manages(BEN)
    room.take(_state("m.room.power_levels", "", {"events": {"m.room.name": 0}}))
    # Where everybody may name the room, not everybody looks after it.
    assert not room.manages(BEN)


# --- rooms ---------------------------------------------------------------------------------------------------


def test_names_stay_names() -> None:
    odd = {
        "Ben\u202e nebbe": "Ben nebbe", "\u202e\0": "ben", "  Ben \n\t Brook ": "Ben Brook", "": "ben",
        "\u2066\u2069": "ben", "עדה": "עדה", "👩‍👩‍👧 fam": "👩‍👩‍👧 fam",
    }  # fmt: skip
    for given_, shown in odd.items():
        assert _room(names={BEN: given_}).name_of(BEN) == shown
    assert len(_room(names={BEN: "x" * 60_000}).name_of(BEN)) == NAME_CHARACTERS_MAX
    for nonsense in (5, None, ["x"], {"a": 1}):
        assert _room(names={BEN: nonsense}).name_of(BEN) == "ben"  # type: ignore[dict-item]
    assert _room().name_of("@nobody:x") == "nobody"


def test_ids_are_split_at_the_first_colon_and_rooms_not_at_all() -> None:
    assert (localpart(ANA), server_of(ANA)) == ("ana", "example.org:8448")
    assert (localpart("@x"), server_of("@x")) == ("x", "")
    for id_ in ("!abc", "!abc:example.org", "!abc:example.org:8448"):
        room = Room(id_, BOT)
        assert chat_of(room, None).id == f"matrix:{id_}"
        assert chat_of(room, ANA).id == f"matrix:{ANA}"


def test_a_room_is_private_with_one_person_only() -> None:
    room = Room("!r", BOT)
    room.take(_state("m.room.create", "", {"org.solibot.private_with": BEN}, ANA))
    assert room.private_with is None  # anybody can write that into a room of theirs
    room.take(_state("m.room.create", "", {"org.solibot.private_with": BEN}, BOT))
    room.take(_state("m.room.member", BOT, {"membership": "join"}))
    room.take(_state("m.room.member", BEN, {"membership": "invite"}))
    assert room.alone_with({}) == BEN
    room.take(_state("m.room.member", ANA, {"membership": "invite"}))
    assert room.alone_with({}) is None
    room.take(_state("m.room.member", BEN, {"membership": "leave"}))
    assert room.alone_with({}) is None  # she is not the one for whom it is
    room.take(_state("m.room.member", ANA, {"membership": "ban"}))
    assert room.alone_with({}) == BEN
    group = _room()
    assert group.alone_with({ANA: ["!riverside"]}) is None
    assert group.meant_for({ANA: ["!riverside"]}) == ANA
    assert group.members == {BOT: Member("Solibot", True), ANA: Member("Ana", True), BEN: Member("Ben", True)}


# --- commands and people -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "text", "addressed"),
    [
        ("!thank ben 1h", "/thank ben 1h", False),
        ("/thank ben 1h", "/thank ben 1h", False),
        ("  !menu", "/menu", False),
        ("Solibot: menu", "/menu", True),
        ("@Solibot, Menu", "/Menu", True),
        ("@bot menu", "/menu", True),
        (f"{BOT}: !menu", "/menu", True),
        ("solibot menu", "/menu", True),
        ("solibot /menu", "/menu", True),
        ("bot !menu", "/menu", True),
        ("Solibot: what is this?", "what is this?", True),
        ("Solibot is a bot", "Solibot is a bot", False),
        ("Solibots menu", "Solibots menu", False),
        ("bottom menu", "bottom menu", False),
        ("solibot hello", "solibot hello", False),  # nobody types that one
        ("! menu", "! menu", False),
        ("!!menu", "!!menu", False),
        ("!1h", "!1h", False),
        ("", "", False),
    ],
)
def test_what_is_said_to_the_bot(body: str, text: str, addressed: bool) -> None:
    said = _said(body)
    assert (said.text, said.addressed) == (text, addressed)


def _pill(user: str, name: str) -> str:
    return f'<a href="https://matrix.to/#/{user}">{name}</a>'


@pytest.mark.parametrize(
    ("body", "html", "expected"),
    [
        ("!thank Ben 1h", f"!thank {_pill(BEN, 'Ben')} 1h", "Ben"),
        ("!thank Ben Brook 1h tea", f"!thank {_pill(BEN, 'Ben Brook')} 1h tea", "Ben Brook"),
        ("!thank an 1h", f"!thank {_pill(BEN, 'an')} 1h", "an"),
        ("!thank thank 1h", f"!thank {_pill(BEN, 'thank')} 1h", "thank"),
        ("!thank @Ben 1h", f"!thank {_pill(BEN, 'Ben')} 1h", "@Ben"),
        (f"!thank {BEN} 1h", f"!thank {_pill(BEN, 'Ben')} 1h", BEN),
        (f"!thank {BEN} 1h", f"<p>!thank  {_pill(BEN, 'Ben')} 1h</p>", BEN),
        ("!thank <b>Ben</b> 1h", f"!thank {_pill(BEN, '&lt;b&gt;Ben&lt;/b&gt;')} 1h", "<b>Ben</b>"),
        ("!thank\nBen 1h", f"!thank<br/>{_pill(BEN, 'Ben')} 1h", "Ben"),
        ("!thank Ben 1h", f"!thank {_pill('%40ben%3Aother.example', 'Ben')} 1h", "Ben"),
        ("!thank Ben 1h", f"!thank {_pill(BEN + '?via=x', 'Ben')} 1h", "Ben"),
        ("!thank Ben 1h", "!thank <a class=x href=matrix:u/ben:other.example>Ben</a> 1h", "Ben"),
        ("!thank Ben 1h", f"!thank <A HREF='https://matrix.to/#/{BEN}'><b>Ben</b></A> 1h", "Ben"),
        ("!thank עדה 1h", f"!thank {_pill(BEN, 'עדה')} 1h", "עדה"),
        ("!thank Ben 1h", f"<mx-reply>{_pill(ANA, 'Ana')} Ben</mx-reply>!thank {_pill(BEN, 'Ben')} 1h", "Ben"),
        ("!thank Bent and Ben 1h", f"!thank Bent and {_pill(BEN, 'Ben')} 1h", "Ben"),
        ("!thank Bent and Ben 1h", f"!thank, {_pill(BEN, 'Ben')} 1h", "Ben"),
    ],
)
def test_a_pill_stands_where_it_is_seen(body: str, html: str, expected: str) -> None:
    said = _said(body, html)
    [mention] = said.mentions
    assert said.text[mention.start : mention.end] == expected
    assert mention.person.user == f"matrix:{BEN}"
    assert mention.start == said.text.rindex(expected)


@pytest.mark.parametrize(
    "html",
    [
        "!thank Ben 1h", f"!thank <a href='https://evil.example/{BEN}'>Ben</a>", "!thank <a href='matrix.to'>Ben</a>",
        "!thank <a href='https://matrix.to/#/!room'>Ben</a>", "<a href='https://matrix.to/#/@'>Ben</a>",
        f"!thank <a href='https://matrix.to/#/{BEN}'>Nobody</a>", f"!thank <a href='https://matrix.to/#/{BEN}'></a>",
        f"<mx-reply>!thank {_pill(BEN, 'Ben')} 1h</mx-reply>", f"!thank <a href='https://matrix.to/#/{BEN}'>Ben",
    ],
)  # fmt: skip
def test_what_is_no_pill_names_nobody(html: str) -> None:
    assert _said("!thank Ben 1h", html).mentions == ()


def test_a_pill_of_the_bot_is_no_argument() -> None:
    said = _said("Solibot: thank Ben 1h", f"{_pill(BOT, 'Solibot')}: thank {_pill(BEN, 'Ben')} 1h")
    assert (said.text, said.addressed) == ("/thank Ben 1h", True)
    [mention] = said.mentions
    assert said.text[mention.start : mention.end] == "Ben"
    assert _said("Ask Solibot", f"Ask {_pill(BOT, 'Solibot')}").addressed


def test_what_is_answered_is_not_what_is_said() -> None:
    old = "> <@ben:other.example> !thank Ana 9h\n> more\n\n!thank 1h"
    answer = {"m.relates_to": {"m.in_reply_to": {"event_id": "$b"}}}
    found = _read(_event({"msgtype": "m.text", "body": old, **answer}), authors={"$b": BEN})
    assert isinstance(found, Message)
    assert found.text == "/thank 1h"
    assert found.reply_to is not None
    assert found.reply_to.user == f"matrix:{BEN}"
    # In a thread, clients name the newest message for those that know no threads: nobody chose it.
    thread = {"rel_type": "m.thread", "event_id": "$t", "is_falling_back": True, "m.in_reply_to": {"event_id": "$b"}}
    found = _read(_event({"msgtype": "m.text", "body": "!thank 1h", "m.relates_to": thread}), authors={"$b": BEN})
    assert isinstance(found, Message)
    assert found.reply_to is None
    assert found.chat.topic == "$t"


def test_only_what_answers_a_command_or_a_number_is_looked_up() -> None:
    def asks(body: str, event_id: Any = "$b") -> bool:
        answer = {"m.relates_to": {"m.in_reply_to": {"event_id": event_id}}}
        event = _event({"msgtype": "m.text", "body": body, **answer})
        return _converter().answers_to(_room(), event) is not None

    assert asks("!thank 1h")
    assert asks("2")
    assert asks("Solibot: thank 1h")
    assert not asks("thank you")
    for odd in (5, None, "", "x", "../..", "$" + "x" * 300):
        assert not asks("2", odd)


def test_what_is_gone_or_only_changed_is_not_asked_for_again() -> None:
    room = _room()
    sealed = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x"}
    assert isinstance(_read(_event(sealed, "m.room.encrypted"), room), Undecryptable)
    thread = {"m.relates_to": {"rel_type": "m.thread", "event_id": "$t"}}
    in_thread = _read(_event({**sealed, **thread}, "m.room.encrypted"))
    assert in_thread is not None
    assert in_thread.chat.topic == "$t"
    assert _read(_event({}, "m.room.encrypted"), room) is None
    edit = {**sealed, "m.relates_to": {"rel_type": "m.replace", "event_id": "$b"}}
    assert _read(_event(edit, "m.room.encrypted"), room) is None
    assert _read(_event(sealed, "m.room.encrypted", BOT), room) is None


def test_who_comes_and_who_goes() -> None:
    room, converter = _room(), _converter()

    def change(to: str, was: str, user: str = BEN, alone: str | None = None) -> Incoming | None:
        event = _event({"membership": to}, "m.room.member", state_key=user)
        return converter.incoming(room, chat_of(room, alone), event, {}, before={user: was})

    came = change("join", "invite")
    assert isinstance(came, Arrival)
    assert came.by is None
    assert room.size() == 2, "the bot is not counted"
    room.take(_state("m.room.member", "@chi:example.org", {"membership": "invite"}, sender=ANA))
    assert room.size() == 2, "nor who is only invited"
    room.take(_state("m.room.member", "@chi:example.org", {"membership": "join"}, sender="@chi:example.org"))
    invited = change("join", "invite", "@chi:example.org")
    assert isinstance(invited, Arrival)
    assert invited.by is not None
    assert invited.by.user == f"matrix:{ANA}"
    assert room.size() == 3
    assert change("join", "join") is None
    assert isinstance(change("leave", "join"), Departure)
    assert isinstance(change("ban", "join"), Departure)
    assert change("leave", "invite") is None
    assert isinstance(change("leave", "invite", alone=BEN), Departure)
    assert change("leave", "join", BOT) is None
    erased = _read(_event({"redacts": "$b"}, "m.room.redaction"))
    assert isinstance(erased, MessageErased)
    assert erased.message == "$b"
    assert isinstance(_read(_event({}, "m.room.redaction", redacts="$c")), MessageErased)
    assert _read(_event({"redacts": "$b"}, "m.room.redaction", BOT)) is None


# --- words ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(1, 100))
def test_each_number_is_understood_as_it_is_shown(number: int) -> None:
    for way in (symbol(number), str(number), f"{number}.", f" {number} ", f"#{number}", f"{number})", f"({number})"):
        assert chosen(way) == number
    keycaps = "".join(f"{digit}\ufe0f\u20e3" for digit in str(number))
    assert chosen(keycaps) == number


@given(text=st.text(max_size=12))
@example("100")
@example("0")
@example("٢")
@example("²")
@example("2 3 4 5")
def test_what_is_no_number_chooses_nothing(text: str) -> None:
    number = chosen(text)
    assert number is None or (1 <= number <= 99 and str(number)[-1] in text) or "\U0001f51f" in text


@settings(max_examples=30)
@given(
    letter=st.sampled_from(["a", "&", "<", "\n", "ж", "猫", "👍", '"', "\\", "\u202e", "a b. "]),
    count=st.integers(1, 20_000),
    buttons=st.integers(0, 12),
)
@example(letter="猫", count=20_000, buttons=12)
@example(letter="&", count=6000, buttons=0)
@example(letter="\x00", count=6000, buttons=0)
def test_whatever_is_said_fits_into_events(letter: str, count: int, buttons: int) -> None:
    spans = (Span("Title ", "bold"), Span(letter * count))
    keys = [[Key(label="A label", token="x")] for _ in range(buttons)]
    made = contents(spans, keys)
    for one in made:
        assert len(json.dumps(one)) <= CONTENT_BYTES_MAX + 2000
    said = "".join(one["body"] for one in made)
    assert said.count(letter.strip()) >= count if letter.strip() and len(letter) == 1 else True
    for number in range(1, buttons + 1):
        assert f"{symbol(number)} A label" in made[-1]["body"]
    edit = replacement(spans, keys, "$b")
    assert len(json.dumps(edit)) <= CONTENT_BYTES_MAX + 2000
    assert edit["m.new_content"]["body"].startswith("Title")


@given(text=st.text(max_size=40))
@example("<script>alert(1)</script> & 'x' \"y\"")
def test_names_cannot_become_html(text: str) -> None:
    for span in (Span(text), Span(text, "bold"), Span(text, "code"), Span(text, "mention", f"matrix:{ANA}")):
        shown = as_html([span])
        assert "<script" not in shown
        assert plain([span]) == text
    assert as_html([Span("x", "mention", 'matrix:@"><b>:x')]) == '<a href="https://matrix.to/#/@%22%3E%3Cb%3E:x">x</a>'
    assert as_html([Span("x", "mention", "telegram:1")]) == "x"


def test_the_homeserver_of_a_name_is_what_synapse_takes_it_for() -> None:
    assert server_of(ANA) == get_domain_from_id(ANA)


def test_a_command_that_is_changed_comes_in_as_changed_and_nothing_else_of_it() -> None:
    relation = {"m.relates_to": {"rel_type": "m.replace", "event_id": "$first"}}

    def changed(new: object) -> Incoming | None:
        return _read(_event({"msgtype": "m.text", "body": "* !thank Ben 2h", "m.new_content": new, **relation}))

    found = changed({"msgtype": "m.text", "body": "!thank Ben 2h"})
    assert isinstance(found, Message)
    assert (found.text, found.message, found.edited) == ("/thank Ben 2h", "$first", True)
    for odd in (None, 5, {}, {"msgtype": "m.image", "body": "!thank Ben 2h"}, {"msgtype": "m.text", "body": 5}):
        assert changed(odd) is None
