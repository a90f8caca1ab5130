"""The Bot API test server does what Telegram does: checked with python-telegram-bot and with plain requests."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from html import escape
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeChat,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
    ReplyParameters,
    Update,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.request import HTTPXRequest

from tests.servers.telegram_api import TelegramServer
from tests.servers.telegram_markup import parse, parse_html, parse_markdown_v2, utf16_slice
from tests.servers.telegram_state import Chat, NotPossible, ServerMistake, User
from tests.servers.telegram_updates import UPDATE_TYPES

Json = dict[str, Any]


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as running:
        running.short_polls(0)
        yield running


def client(server: TelegramServer) -> Bot:
    """An independent client; without certificates, which take longer to load than a test runs."""
    plain = {"verify": False}
    return Bot(
        server.token,
        base_url=server.base_url,
        base_file_url=server.base_file_url,
        request=HTTPXRequest(httpx_kwargs=plain),
        get_updates_request=HTTPXRequest(httpx_kwargs=plain),
    )


@pytest.fixture
async def bot(server: TelegramServer) -> AsyncIterator[Bot]:
    async with client(server) as running:
        yield running


@pytest.fixture
def ana(server: TelegramServer) -> User:
    return server.user(101, "Ana", username="ana_b", language_code="pt")


@pytest.fixture
def group(server: TelegramServer, ana: User) -> Chat:
    """A basic group in which the bot is a plain member with privacy mode on."""
    return server.group("Kitchen", creator=ana, members=[server.user(102, "Ben")])


@pytest.fixture
def square(server: TelegramServer, ana: User) -> Chat:
    """A supergroup in which the bot is administrator."""
    return server.supergroup("Square", creator=ana, bot="administrator")


async def call(server: TelegramServer, method: str, **params: Any) -> Json:
    """A plain request, as form or (without parameters) as GET; the answer with its HTTP status."""
    form = {key: value if isinstance(value, str | int) else json.dumps(value) for key, value in params.items()}
    async with aiohttp.ClientSession() as session:
        url = f"{server.base_url}{server.token}/{method}"
        async with session.post(url, data=form) if form else session.get(url) as answer:
            body: Json = await answer.json()
            assert body["ok"] or body["error_code"] == answer.status
            return body | {"status": answer.status, "headers": dict(answer.headers)}


async def fetch(bot: Bot, **options: Any) -> tuple[Update, ...]:
    """What waits, acknowledged with the next fetch only."""
    return await bot.get_updates(timeout=0, **options)


def keyboard(*labels: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(label, callback_data=f"do:{label}")] for label in labels])


# -- fetching ---------------------------------------------------------------------------------------


async def test_the_bot_learns_who_it_is(server: TelegramServer, bot: Bot) -> None:
    me = await bot.get_me()
    assert (me.id, me.username, me.is_bot) == (server.bot.id, "solibot", True)
    assert me.can_join_groups
    assert me.can_read_all_group_messages is False


async def test_an_update_comes_again_until_it_is_acknowledged(server: TelegramServer, bot: Bot, ana: User) -> None:
    for word in ("one", "two", "three"):
        server.say(ana, ana.id, word)
    first = await fetch(bot)
    assert [u.message.text for u in first if u.message] == ["one", "two", "three"]
    assert await fetch(bot, offset=first[0].update_id, limit=2) == first[:2]
    assert await fetch(bot, offset=first[0].update_id + 1) == first[1:]
    assert await fetch(bot, offset=first[-1].update_id + 1) == ()
    await server.fetched()


async def test_offsets_from_the_end_and_from_nowhere(server: TelegramServer, bot: Bot, ana: User) -> None:
    for word in ("one", "two", "three"):
        server.say(ana, ana.id, word)
    ids = [update.update_id for update in await fetch(bot)]
    assert [u.update_id for u in await fetch(bot, offset=ids[-1] + 100)] == ids, "too far ahead: from the head"
    assert [u.update_id for u in await fetch(bot, offset=-1)] == ids[-1:]
    assert [u.update_id for u in await fetch(bot)] == ids[-1:], "a negative offset forgets what is before"


async def test_a_waiting_fetch_ends_with_what_is_said(server: TelegramServer, bot: Bot, ana: User) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=5))
    await server.listening()
    server.say(ana, ana.id, "one")
    server.say(ana, ana.id, "two")
    assert [u.message.text for u in await poll if u.message] == ["one", "two"], "a burst is one batch"


async def test_the_second_poller_ends_the_first(server: TelegramServer, bot: Bot) -> None:
    first = asyncio.create_task(bot.get_updates(timeout=5))
    await server.listening()
    async with client(server) as other:
        second = asyncio.create_task(other.get_updates(timeout=1, offset=7))
        with pytest.raises(Conflict, match="terminated by other getUpdates request"):
            await first
        server.updates.wake()
        assert await second == ()


async def test_no_fetching_while_a_webhook_is_set(server: TelegramServer, bot: Bot, ana: User) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=5))
    await server.listening()
    await bot.set_webhook("https://bot.example/hook", allowed_updates=["message"])
    with pytest.raises(Conflict, match="terminated by setWebhook request"):
        await poll
    with pytest.raises(Conflict, match="can't use getUpdates method while webhook is active"):
        await fetch(bot)
    server.say(ana, ana.id, "hello")
    info = await bot.get_webhook_info()
    assert (info.url, info.pending_update_count, info.allowed_updates) == ("https://bot.example/hook", 1, ("message",))
    await bot.delete_webhook(drop_pending_updates=True)
    assert await fetch(bot) == ()


async def test_the_same_offset_twice_is_braked(server: TelegramServer, bot: Bot, ana: User) -> None:
    server.short_polls(3)
    server.say(ana, ana.id, "one")
    server.say(ana, ana.id, "two")
    assert len(await fetch(bot, offset=5)) == 2
    assert len(await fetch(bot, offset=5)) == 1, "again within half a second: one update"
    end = server.updates.push({}, 1) + 1
    assert await fetch(bot, offset=end) == ()
    server.updates.repeat_wait_seconds = 0.2
    begin = time.monotonic()
    assert await fetch(bot, offset=end) == ()
    assert time.monotonic() - begin > 0.15, "again within three seconds: it waits"
    server.updates.repeat_rule = False
    begin = time.monotonic()
    await fetch(bot, offset=end)
    assert time.monotonic() - begin < 0.15


async def test_updates_are_kept_a_day_and_taps_for_minutes(server: TelegramServer, bot: Bot, ana: User) -> None:
    server.say(ana, ana.id, "hello")
    card = await bot.send_message(ana.id, "card", reply_markup=keyboard("Yes"))
    server.tap(ana, ana.id, card.message_id, "Yes")
    assert len(await fetch(bot)) == 2
    server.advance(151)
    assert [bool(u.message) for u in await fetch(bot)] == [True]
    server.advance(86_400)
    assert await fetch(bot) == ()


async def test_the_choice_of_updates_is_remembered(server: TelegramServer, bot: Bot, ana: User, square: Chat) -> None:
    def happen() -> None:
        server.join(server.user(first_name="Eve"), square)

    happen()
    assert [u.effective_chat is not None and u.chat_member is None for u in await fetch(bot, offset=1)] == [True]
    await fetch(bot, offset=-1, allowed_updates=list(UPDATE_TYPES))
    happen()
    assert [u.chat_member is not None for u in await fetch(bot, offset=-2)] == [True, False]
    await fetch(bot, offset=-1, allowed_updates=["chat_member"])
    happen()
    assert [u.chat_member is not None for u in await fetch(bot, offset=-1)] == [True]
    await call(server, "getUpdates", allowed_updates=[])
    assert "chat_member" not in server.updates.allowed, "an empty list is the default again"


# -- who sees what ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("hello all", False),
        ("/help@solibot", True),
        ("/help@otherbot", False),
        ("/help", False),
        ("well, /help@solibot", False),
        ("hello @solibot", False),
    ],
)
async def test_privacy_mode_hides_what_is_not_meant_for_the_bot(
    server: TelegramServer, bot: Bot, ana: User, group: Chat, text: str, seen: bool
) -> None:
    server.say(ana, group, text)
    assert len(await fetch(bot)) == seen


async def test_privacy_mode_shows_replies_and_commands_after_the_bot_spoke(
    server: TelegramServer, bot: Bot, ana: User, group: Chat
) -> None:
    said = await bot.send_message(group.id, "hello")
    server.say(ana, group, "good", reply_to=said.message_id)
    server.say(ana, group, "/help")
    assert len(await fetch(bot)) == 2
    server.say(server.user(first_name="Other", username="otherbot", is_bot=True), group, "/help")
    server.say(ana, group, "/help")
    assert len(await fetch(bot)) == 2, "another bot spoke last, and bots do not hear each other"


async def test_administrators_and_bots_without_privacy_mode_see_all(
    server: TelegramServer, bot: Bot, ana: User, group: Chat, square: Chat
) -> None:
    server.say(ana, square, "hello")
    server.set_privacy(False)
    assert (await bot.get_me()).can_read_all_group_messages
    server.say(ana, group, "not yet")
    server.kick(server.bot, group)
    server.join(server.bot, group)
    server.say(ana, group, "now")
    assert [u.message.text for u in await fetch(bot) if u.message and u.message.text] == ["hello", "now"]


async def test_what_a_user_says_is_marked_up(server: TelegramServer, bot: Bot, ana: User) -> None:
    ben = server.user(102, "Ben")
    server.say(ana, ana.id, "/thank 😀 @ana_b Ben https://a.example/x, ok", mentions={"Ben": ben})
    (update,) = await fetch(bot)
    assert update.message is not None
    found = {entity.type: text for entity, text in update.message.parse_entities().items()}
    assert found == {"bot_command": "/thank", "mention": "@ana_b", "text_mention": "Ben", "url": "https://a.example/x"}
    users = [entity.user.id for entity in update.message.entities if entity.user]
    assert users == [102]


async def test_edits_are_told_as_edits(server: TelegramServer, bot: Bot, ana: User) -> None:
    said = server.say(ana, ana.id, "/give 1h")
    server.edit(ana.id, said, "/give 2h")
    new, edited = await fetch(bot)
    assert new.message is not None
    assert new.message.text == "/give 1h"
    assert edited.edited_message is not None
    assert edited.edited_message.text == "/give 2h"
    assert edited.edited_message.edit_date is not None
    server.delete(ana.id, said)
    assert len(await fetch(bot)) == 2, "bots are not told of deletions"
    assert server.messages(ana.id) == []


async def test_anonymous_administrators_and_channels_hide_who_writes(
    server: TelegramServer, bot: Bot, ana: User, square: Chat
) -> None:
    news = server.channel("News", creator=ana, discussed_in=square)
    server.say(ana, square, "as the group", anonymous=True)
    server.say(ana, square, "as a channel", as_channel=news)
    server.post(news, "a post")
    by_group, by_channel, post, forwarded = await fetch(bot)
    assert by_group.message is not None
    assert by_group.message.from_user is not None
    assert by_group.message.from_user.id == 1087968824
    assert by_group.message.sender_chat is not None
    assert by_group.message.sender_chat.id == square.id
    assert by_channel.message is not None
    assert by_channel.message.sender_chat is not None
    assert by_channel.message.sender_chat.id == news.id
    assert post.channel_post is not None
    assert post.channel_post.from_user is None
    assert forwarded.message is not None
    assert forwarded.message.is_automatic_forward


# -- sending --------------------------------------------------------------------------------------------


async def test_markup_becomes_entities(server: TelegramServer, bot: Bot, ana: User) -> None:
    server.press_start(ana)
    sent = await bot.send_message(ana.id, " 😀 <b>Ana &amp; <i>Ben</i></b> <code>/x</code>\n", parse_mode="HTML")
    assert sent.text == "😀 Ana & Ben /x"
    assert sent.parse_entities() == dict(zip(sent.entities, ("Ana & Ben", "Ben", "/x"), strict=True))
    sent = await bot.send_message(ana.id, "*a* 1\\.5 [Ben](tg://user?id=101)", parse_mode="MarkdownV2")
    assert sent.text == "a 1.5 Ben"
    assert [entity.type for entity in sent.entities] == ["bold", "text_mention"]


@pytest.mark.parametrize(
    ("mode", "text", "sentence"),
    [
        ("HTML", "<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("HTML", "<x>", 'Unsupported start tag "x" at byte offset 0'),
        ("HTML", "é</b>", "Unexpected end tag at byte offset 2"),
        ("HTML", "<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("HTML", "1 < 2", "Unclosed start tag at byte offset 2"),
        ("MarkdownV2", "a.b", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("MarkdownV2", "*x", "Can't find end of Bold entity at byte offset 0"),
    ],
)
async def test_bad_markup_is_refused(server: TelegramServer, ana: User, mode: str, text: str, sentence: str) -> None:
    server.press_start(ana)
    answer = await call(server, "sendMessage", chat_id=ana.id, text=text, parse_mode=mode)
    assert answer["description"] == f"Bad Request: can't parse entities: {sentence}"
    assert answer["status"] == 400


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["b", "i", "u", "s", "code", ""]),
            st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1),
        )
    )
)
def test_every_piece_keeps_its_style(pieces: list[tuple[str, str]]) -> None:
    source = "".join(f"<{tag}>{escape(words)}</{tag}>" if tag else escape(words) for tag, words in pieces)
    text, entities = parse_html(source)
    assert text == "".join(words for _, words in pieces)
    assert [utf16_slice(text, e["offset"], e["length"]) for e in entities] == [w for tag, w in pieces if tag]


def test_more_markup() -> None:
    assert parse_markdown_v2("```py\nx = 1\n```")[1] == [{"type": "pre", "language": "py", "offset": 0, "length": 6}]
    assert parse_html('<pre><code class="language-py">x</code></pre>')[1][0]["language"] == "py"
    assert parse_markdown_v2(">a\n>b\nc")[1] == [{"type": "blockquote", "offset": 0, "length": 3}]
    assert parse("  x ", None, None) == ("x", [])


async def test_the_limits_of_a_message(server: TelegramServer, ana: User) -> None:
    server.press_start(ana)

    async def sentence(**params: Any) -> str | None:
        answer = await call(server, "sendMessage", chat_id=ana.id, **{"text": "x", **params})
        return answer.get("description")

    def button(**fields: str) -> Json:
        return {"inline_keyboard": [[{"text": "Go", **fields}]]}

    assert await sentence(text="x" * 4096) is None
    assert await sentence(text="<b>" + "x" * 4096 + "</b>", parse_mode="HTML") is None
    assert await sentence(text="x" * 4097) == "Bad Request: message is too long"
    assert await sentence(text="😀" * 2049) == "Bad Request: message is too long"
    assert await sentence(text=" \n ") == "Bad Request: text must be non-empty"
    assert await sentence(text="") == "Bad Request: message text is empty"
    assert await sentence(reply_markup=button(callback_data="é" * 32)) is None
    assert await sentence(reply_markup=button(callback_data="é" * 32 + "x")) == "Bad Request: BUTTON_DATA_INVALID"
    unallowed = "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
    assert await sentence(reply_markup=button()) == f"Bad Request: {unallowed}"
    assert await sentence(reply_markup=button(url="no url")) == (
        "Bad Request: inline keyboard button URL 'no url' is invalid: Wrong HTTP URL"
    )
    assert await sentence(reply_parameters={"message_id": 999}) == "Bad Request: message to be replied not found"
    assert await sentence(reply_parameters={"message_id": 999, "allow_sending_without_reply": True}) is None
    entity = {"type": "bold", "offset": 0, "length": 5}
    assert await sentence(entities=[entity]) == (
        "Bad Request: entity beginning at UTF-16 offset 0 ends after the end of the text at UTF-16 offset 1"
    )


async def test_message_ids_count_in_each_chat(server: TelegramServer, bot: Bot, ana: User, group: Chat) -> None:
    server.press_start(ana)
    assert (await bot.send_message(ana.id, "x")).message_id == 2
    assert (await bot.send_message(group.id, "x")).message_id == 1
    reply = await bot.send_message(group.id, "y", reply_parameters=ReplyParameters(1, quote="x"))
    assert reply.reply_to_message is not None
    assert reply.reply_to_message.message_id == 1
    assert [(m.id, m.reply_to) for m in server.messages(group)] == [(1, None), (2, 1)]


async def test_editing(server: TelegramServer, bot: Bot, ana: User, group: Chat) -> None:
    card = await bot.send_message(group.id, "Poll", reply_markup=keyboard("Yes", "No"))
    edited = await bot.edit_message_text("Poll 2", group.id, card.message_id, reply_markup=keyboard("Yes"))
    assert isinstance(edited, Message)
    assert edited.edit_date is not None
    kept = server.message(group, card.message_id)
    assert (kept.text, kept.edited, [[b.label for b in row] for row in kept.buttons]) == ("Poll 2", True, [["Yes"]])
    with pytest.raises(BadRequest) as refused:
        await bot.edit_message_text("Poll 2", group.id, card.message_id, reply_markup=keyboard("Yes"))
    assert refused.value.message == (
        "Message is not modified: specified new message content and reply markup are exactly the same as a current "
        "content and reply markup of the message"
    )
    await bot.edit_message_reply_markup(group.id, card.message_id)
    assert kept.buttons == []
    for number, sentence in ((99, "Message to edit not found"), (server.say(ana, group, "mine").id, "can't be edited")):
        with pytest.raises(BadRequest, match=sentence):
            await bot.edit_message_text("x", group.id, number)


async def test_deleting(server: TelegramServer, bot: Bot, ana: User, group: Chat, square: Chat) -> None:
    mine, theirs = await bot.send_message(group.id, "x"), server.say(ana, group, "mine")
    with pytest.raises(BadRequest, match="Message can't be deleted"):
        await bot.delete_message(group.id, theirs.id)
    server.advance(48 * 3600 + 1)
    with pytest.raises(BadRequest, match="Message can't be deleted for everyone"):
        await bot.delete_message(group.id, mine.message_id)
    old = server.say(ana, square, "spam")
    assert await bot.delete_messages(square.id, [old.id, 77])
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await bot.delete_message(square.id, old.id)


async def test_copies_pins_and_reactions(
    server: TelegramServer, bot: Bot, ana: User, group: Chat, square: Chat
) -> None:
    said = server.say(ana, square, "hello")
    await fetch(bot, allowed_updates=list(UPDATE_TYPES))
    forwarded = await bot.forward_message(group.id, square.id, said.id)
    assert forwarded.forward_origin is not None
    copied = await bot.copy_message(group.id, square.id, said.id)
    assert server.message(group, copied.message_id).text == "hello"
    with pytest.raises(BadRequest, match="Not enough rights to manage pinned messages"):
        await bot.pin_chat_message(group.id, copied.message_id)
    await bot.pin_chat_message(square.id, said.id)
    assert square.pinned == [said.id]
    assert await bot.unpin_chat_message(square.id)
    await bot.set_message_reaction(square.id, said.id, "👍")
    with pytest.raises(BadRequest, match="Reaction_invalid"):
        await bot.set_message_reaction(square.id, said.id, "🐢")
    server.react(ana, square, said, "🎉")
    server.react(ana, group, copied.message_id, "🎉")
    last = (await fetch(bot))[-1]
    assert last.message_reaction is not None, "and none of the group where it is no administrator"
    assert last.message_reaction.user is not None
    assert last.message_reaction.user.id == ana.id


async def test_files_go_up_and_come_down(server: TelegramServer, bot: Bot, ana: User) -> None:
    server.press_start(ana)
    sent = await bot.send_document(ana.id, b"a,b\n", filename="books.csv", caption="<b>Books</b>", parse_mode="HTML")
    assert sent.document is not None
    assert sent.document.file_name == "books.csv"
    assert sent.caption_entities[0].type == "bold"
    assert bytes(await (await bot.get_file(sent.document.file_id)).download_as_bytearray()) == b"a,b\n"
    photo = await bot.send_photo(
        ana.id, b"\x89PNG\r\n\x1a\n" + b"\0" * 8 + (7).to_bytes(4, "big") + (5).to_bytes(4, "big")
    )
    assert (photo.photo[-1].width, photo.photo[-1].height) == (7, 5)
    server.upload(ana, ana.id, "list.txt", b"x", caption="/import")
    update = (await fetch(bot))[-1]
    assert update.message is not None
    assert update.message.document is not None
    again = await bot.send_document(ana.id, update.message.document.file_id)
    assert again.document is not None
    with pytest.raises(BadRequest, match="Invalid file_id"):
        await bot.get_file("nothing")
    large = await bot.send_document(ana.id, b"x" * (21 << 20))
    assert large.document is not None
    with pytest.raises(BadRequest, match="File is too big"):
        await bot.get_file(large.document.file_id)


async def test_messages_for_one_persons_eyes(server: TelegramServer, bot: Bot, ana: User, group: Chat) -> None:
    params = {"chat_id": group.id, "text": "You have 2 h", "ephemeral_message_parameters": {"receiver_user_id": ana.id}}
    sent = (await call(server, "sendMessage", **params))["result"]
    assert sent["message_id"] == 0
    assert [m.text for m in server.whispers(group, ana)] == ["You have 2 h"]
    assert server.messages(group) == []
    await call(server, "deleteEphemeralMessage", chat_id=group.id, receiver_user_id=ana.id, ephemeral_message_id=1)
    assert server.whispers(group, ana) == []


# -- buttons and polls ------------------------------------------------------------------------------------


async def test_a_tap_is_answered_once_and_in_time(server: TelegramServer, bot: Bot, ana: User, group: Chat) -> None:
    card = await bot.send_message(group.id, "Poll", reply_markup=keyboard("Yes: 0", "No"))
    tap = server.tap(ana, group, card.message_id, "Yes")
    (update,) = await fetch(bot)
    query = update.callback_query
    assert query is not None
    assert (query.data, query.from_user.id) == ("do:Yes: 0", ana.id)
    await query.answer("Counted", show_alert=True)
    assert (await server.answer(tap)).text == "Counted"
    assert tap.show_alert
    late = server.tap(ana, group, card.message_id, "No")
    server.advance(16)
    for number in (tap.id, late.id, "1"):
        with pytest.raises(BadRequest, match="Query is too old and response timeout expired or query id is invalid"):
            await bot.answer_callback_query(number)


async def test_an_anonymous_administrator_votes_as_the_chat(
    server: TelegramServer, bot: Bot, ana: User, group: Chat
) -> None:
    sent = await bot.send_poll(group.id, "When?", ["Mon", "Tue"], is_anonymous=False)
    server.vote(ana, group, sent.message_id, 1, as_chat=group)
    answer = (await fetch(bot))[-1].poll_answer
    assert answer is not None
    assert answer.voter_chat is not None
    assert answer.voter_chat.id == group.id


async def test_a_tap_on_a_deleted_message_and_with_foreign_data(
    server: TelegramServer, bot: Bot, ana: User, group: Chat
) -> None:
    card = await bot.send_message(group.id, "Poll", reply_markup=keyboard("Yes"))
    server.delete(group, card.message_id)
    server.tap(ana, group, card.message_id, data="made:up")
    (update,) = await fetch(bot)
    assert update.callback_query is not None
    assert update.callback_query.message is not None
    assert not update.callback_query.message.is_accessible
    with pytest.raises(NotPossible):
        server.tap(ana, group, card.message_id, "Yes")


async def test_native_polls(server: TelegramServer, bot: Bot, ana: User, group: Chat) -> None:
    sent = await bot.send_poll(group.id, "When?", ["Mon", "Tue"], is_anonymous=False, allows_multiple_answers=True)
    assert sent.poll is not None
    server.vote(ana, group, sent.message_id, 0, 1)
    stranger = server.user(first_name="Stranger")
    outside = server.forward(ana, server.message(group, sent.message_id), ana.id)
    server.vote(stranger, ana.id, outside, 1)
    server.vote(ana, group, sent.message_id)
    answers = [u.poll_answer for u in await fetch(bot) if u.poll_answer]
    assert [(a.user.id, a.option_ids) for a in answers if a.user] == [
        (ana.id, (0, 1)),
        (stranger.id, (1,)),
        (ana.id, ()),
    ]
    closed = await bot.stop_poll(group.id, sent.message_id)
    assert [option.voter_count for option in closed.options] == [0, 1]
    with pytest.raises(BadRequest, match="Poll has already been closed"):
        await bot.stop_poll(group.id, sent.message_id)
    timed = await bot.send_poll(group.id, "Now?", ["Yes", "No"], open_period=60)
    server.advance(61)
    update = (await fetch(bot))[-1]
    assert update.poll is not None
    assert timed.poll is not None
    assert (update.poll.id, update.poll.is_closed) == (timed.poll.id, True)


# -- access ---------------------------------------------------------------------------------------------


async def test_nobody_is_written_to_before_start(server: TelegramServer, bot: Bot, ana: User, group: Chat) -> None:
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(ana.id, "x")
    server.say(ana, group, "/help@solibot")
    with pytest.raises(Forbidden, match="bot can't initiate conversation with a user"):
        await bot.send_message(ana.id, "x")
    server.press_start(ana, "join-7")
    await bot.send_message(ana.id, "x")
    assert [u.message.text for u in await fetch(bot) if u.message] == ["/help@solibot", "/start join-7"]
    server.block(ana)
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(ana.id, "x")
    server.press_start(ana)
    member = [u.my_chat_member.new_chat_member.status for u in await fetch(bot) if u.my_chat_member]
    assert member == ["kicked", "member"]
    server.deactivate(ana)
    with pytest.raises(Forbidden, match="user is deactivated"):
        await bot.send_message(ana.id, "x")
    other = server.user(first_name="Other", is_bot=True)
    other.known = True
    with pytest.raises(Forbidden, match="bot can't send messages to bots"):
        await bot.send_message(other.id, "x")


@pytest.mark.parametrize("kind", ["group", "supergroup"])
async def test_a_bot_that_is_out_stays_out(server: TelegramServer, bot: Bot, ana: User, kind: str) -> None:
    place = server.group(creator=ana) if kind == "group" else server.supergroup(creator=ana)
    server.kick(server.bot, place)
    with pytest.raises(Forbidden, match=f"bot was kicked from the {kind} chat"):
        await bot.send_message(place.id, "x")
    server.join(server.bot, place)
    await bot.leave_chat(place.id)
    with pytest.raises(Forbidden, match=f"bot is not a member of the {kind} chat"):
        await bot.send_message(place.id, "x")
    for number in (-5, -1001, 424242):
        with pytest.raises(BadRequest, match="Chat not found"):
            await bot.send_message(number, "x")
    never = server.supergroup("Elsewhere", creator=ana, bot=None)
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.get_chat(never.id)


async def test_a_group_becomes_a_supergroup(server: TelegramServer, bot: Bot, ana: User, group: Chat) -> None:
    await bot.send_message(group.id, "x")
    new = server.migrate(group)
    assert new.id < -(2**31)
    joined, there, here = await fetch(bot)
    assert joined.my_chat_member is not None
    assert joined.my_chat_member.chat.id == new.id
    assert there.message is not None
    assert (there.message.chat.id, there.message.migrate_to_chat_id) == (group.id, new.id)
    assert here.message is not None
    assert (here.message.message_id, here.message.migrate_from_chat_id) == (1, group.id)
    with pytest.raises(ChatMigrated) as moved:
        await bot.send_message(group.id, "x")
    assert moved.value.new_chat_id == new.id
    answer = await call(server, "sendMessage", chat_id=group.id, text="x")
    assert answer["description"] == "Bad Request: group chat was upgraded to a supergroup chat"
    await bot.send_message(new.id, "x")
    assert (await bot.get_chat_member(new.id, ana.id)).status == "creator"


async def test_topics(server: TelegramServer, bot: Bot, ana: User) -> None:
    forum = server.supergroup("Forum", creator=ana, forum=True, bot="administrator")
    topic = server.create_topic(ana, forum, "Kitchen")
    server.say(ana, forum, "in the topic", topic=topic)
    general = server.say(ana, forum, "in General")
    server.say(ana, forum, "answer in General", reply_to=general)
    _, inside, outside, answer = [u.message for u in await fetch(bot) if u.message]
    assert (inside.message_thread_id, inside.is_topic_message) == (topic, True)
    assert inside.reply_to_message is not None, "a message in a topic answers the topic's first message"
    assert inside.reply_to_message.forum_topic_created is not None
    assert (outside.message_thread_id, outside.is_topic_message) == (None, None)
    assert (answer.message_thread_id, answer.is_topic_message) == (general.id, None)
    sent = await bot.send_message(forum.id, "x", message_thread_id=topic)
    assert sent.is_topic_message
    assert (await bot.send_message(forum.id, "x", reply_parameters=ReplyParameters(inside.message_id))).is_topic_message
    for thread in (1, 999, general.id):
        with pytest.raises(BadRequest, match="Message thread not found"):
            await bot.send_message(forum.id, "x", message_thread_id=thread)
    created = await bot.create_forum_topic(forum.id, "Garden")
    await bot.edit_forum_topic(forum.id, created.message_thread_id, name="Gardens")
    await bot.close_forum_topic(forum.id, created.message_thread_id)
    server.demote(server.bot, forum)
    with pytest.raises(BadRequest, match="Topic_closed"):
        await bot.send_message(forum.id, "x", message_thread_id=created.message_thread_id)
    with pytest.raises(BadRequest, match="Message thread not found"):
        await bot.send_message(server.group(creator=ana).id, "x", message_thread_id=5)


async def test_coming_and_going(server: TelegramServer, bot: Bot, ana: User) -> None:
    await fetch(bot, allowed_updates=list(UPDATE_TYPES))
    square = server.supergroup("Square", creator=ana, bot=None)
    server.startgroup(ana, square, "setup")
    eve = server.user(103, "Eve")
    server.join(eve, square)
    server.promote(server.bot, square, rights=["can_invite_users"])
    server.promote(eve, square, title="Treasurer")
    server.leave(eve, square)
    server.ask_to_join(eve, square)
    updates = await fetch(bot)
    kinds = [next(iter(u.to_dict().keys() - {"update_id"})) for u in updates]
    assert kinds == [
        "my_chat_member", "message", "message",  # the bot comes and is started
        "message",  # Eve comes; a plain member bot hears no chat_member
        "my_chat_member", "chat_member", "chat_member", "message", "chat_join_request",
    ]  # fmt: skip
    assert updates[2].message is not None
    assert updates[2].message.text == "/start@solibot setup"
    await bot.approve_chat_join_request(square.id, eve.id)
    assert (await bot.get_chat_member(square.id, eve.id)).status == "member"
    assert {m.user.id: m.status for m in await bot.get_chat_administrators(square.id)} == {
        ana.id: "creator",
        server.bot.id: "administrator",
    }
    assert await bot.get_chat_member_count(square.id) == 3
    with pytest.raises(BadRequest, match="Hide_requester_missing"):
        await bot.decline_chat_join_request(square.id, server.user(104).id)
    full = await bot.get_chat(square.id)
    assert (full.title, full.type) == ("Square", "supergroup")


async def test_commands_by_scope_and_language(server: TelegramServer, bot: Bot, group: Chat) -> None:
    await bot.set_my_commands([BotCommand("help", "Help")])
    await bot.set_my_commands([("give", "Dar")], scope=BotCommandScopeChat(group.id), language_code="pt")
    assert server.commands[f"chat:{group.id}", "pt"] == [{"command": "give", "description": "Dar"}]
    assert [c.command for c in await bot.get_my_commands()] == ["help"]
    await bot.delete_my_commands()
    assert await bot.get_my_commands() == ()
    with pytest.raises(BadRequest, match="Bot_command_invalid"):
        await bot.set_my_commands([("Help", "Help")])
    with pytest.raises(BadRequest, match="Invalid language code specified"):
        await bot.set_my_commands([("help", "Help")], language_code="por")
    await bot.set_my_short_description("Solidarity", language_code="en")
    assert (await bot.get_my_short_description("en")).short_description == "Solidarity"
    assert (await bot.get_chat_menu_button()).type == "commands"


# -- what goes wrong --------------------------------------------------------------------------------------


async def test_the_bots_mistakes_are_noted(server: TelegramServer, ana: User) -> None:
    server.press_start(ana)
    for method, params, words in (
        ("sendMessage", {"chat_id": ana.id, "text": "x", "colour": "red"}, "has no parameter colour"),
        ("sendMessage", {"chat_id": ana.id}, "text: Field required"),
        ("sendMessage", {"chat_id": ana.id, "text": "x", "reply_parameters": {"mesage_id": 1}}, "mesage_id"),
        ("deleteMessage", {"chat_id": ana.id, "message_id": "x"}, "message_id"),
    ):
        answer = await call(server, method, **params)
        assert answer["status"] == 400
        assert words in answer["description"]
        assert words in server.violations.pop()
    assert (await call(server, "sendDice", chat_id=ana.id))["status"] == 501
    assert (await call(server, "sendRubbish"))["description"] == "Not Found: method not found"
    assert len(server.violations) == 2


async def test_the_servers_own_mistakes_are_loud(server: TelegramServer, ana: User) -> None:
    with pytest.raises(ServerMistake):
        server.emit("message", {"message_id": 1})
    with pytest.raises(ServerMistake, match="colour"):
        server.emit("message", {"message_id": 1, "date": 0, "chat": {"id": 1, "type": "private"}, "colour": 1})
    server.say(ana, ana.id, "x")
    server.inject({"brand_new": {"x": 1}})
    assert len((await call(server, "getUpdates"))["result"]) == 2


async def test_an_answer_of_a_wrong_shape_fails_the_test(server: TelegramServer) -> None:
    methods = dict(server.api.table()) | {"getme": lambda _: {"id": 1}}
    server._methods = methods
    assert (await call(server, "getMe"))["status"] == 500
    assert isinstance(server.mistakes.pop(), ServerMistake), "what is left here is raised when the server ends"
    assert server._schema is not None
    assert all(map(server._schema.knows, methods)), "the server has only methods that exist"


async def test_tokens(server: TelegramServer) -> None:
    for token, sentence in (("1:wrong", "Unauthorized"), ("rubbish", "Unauthorized: invalid token specified")):
        async with aiohttp.ClientSession() as session, session.get(f"{server.base_url}{token}/getMe") as answer:
            assert (answer.status, (await answer.json())["description"]) == (401, sentence)
    server.revoke_token()
    with pytest.raises(InvalidToken):
        await client(server).initialize()


async def test_parameters_come_in_every_form(server: TelegramServer, ana: User) -> None:
    server.press_start(ana)
    url = f"{server.base_url}{server.token}/SENDmessage"
    fields = {"chat_id": str(ana.id), "text": "é &"}
    multipart = aiohttp.FormData(fields)
    multipart.add_field("disable_notification", b"true", filename="")
    async with aiohttp.ClientSession() as session:
        for request in (
            session.get(url, params=fields),
            session.post(url, data=fields),
            session.post(url, json={"chat_id": ana.id, "text": "é &", "disable_notification": True}),
            session.post(url, data=aiohttp.FormData(fields, default_to_multipart=True)),
        ):
            async with request as answer:
                assert (await answer.json())["result"]["text"] == "é &"
    assert server.violations == []


async def test_rate_limits(server: TelegramServer, ana: User, group: Chat) -> None:
    server.press_start(ana)
    server.limit(per_chat_burst=3)
    for _ in range(3):
        assert (await call(server, "sendMessage", chat_id=ana.id, text="x"))["ok"]
    refused = await call(server, "sendMessage", chat_id=ana.id, text="x")
    assert refused["description"] == "Too Many Requests: retry after 1"
    assert refused["parameters"] == {"retry_after": 1}
    assert (refused["status"], refused["headers"]["Retry-After"]) == (429, "1")
    server.advance(1.1)
    assert (await call(server, "sendMessage", chat_id=ana.id, text="x"))["ok"]
    server.limit(per_chat_burst=100)
    answers = [await call(server, "sendMessage", chat_id=group.id, text="x") for _ in range(21)]
    assert [a["ok"] for a in answers] == [True] * 20 + [False]
    assert answers[-1]["parameters"]["retry_after"] > 50
    server.limit(False)
    assert (await call(server, "sendMessage", chat_id=group.id, text="x"))["ok"]


@pytest.mark.parametrize(
    ("kind", "details", "error", "arrives"),
    [
        ("429", {"retry_after": 7}, RetryAfter, False),
        ("500", {}, NetworkError, False),
        ("502", {}, NetworkError, False),
        ("504", {}, NetworkError, False),
        ("409", {}, Conflict, False),
        ("401", {}, InvalidToken, False),
        ("error", {"error_code": 403, "description": "Forbidden: bot was blocked by the user"}, Forbidden, False),
        ("migrate", {}, ChatMigrated, False),
        ("reset_before", {}, NetworkError, False),
        ("reset_after", {}, NetworkError, True),
        ("truncated", {}, TelegramError, True),
        ("hang", {"seconds": 30}, TimedOut, False),
        ("slow", {"seconds": 0.05}, None, True),
        ("slow", {"seconds": 30, "after": True}, TimedOut, True),
    ],
)
async def test_faults_of_a_call(
    server: TelegramServer,
    bot: Bot,
    group: Chat,
    kind: str,
    details: Json,
    error: type[Exception] | None,
    arrives: bool,
) -> None:
    other = server.group("Other", creator=101)
    fault = server.fault("sendMessage", kind, chat=group, nth=2, **details)
    await bot.send_message(group.id, "fine")
    await bot.send_message(other.id, "fine")
    if error is None:
        await bot.send_message(group.id, "struck", read_timeout=0.2)
    else:
        with pytest.raises(error):
            await bot.send_message(group.id, "struck", read_timeout=0.2)
    assert fault.fired == 1
    assert ("struck" in [m.text for m in server.messages(group)]) is arrives
    place = group.migrated_to or group
    await bot.send_message(place.id, "fine again")


async def test_faults_by_chance_repeat_with_the_seed(ana: User) -> None:
    def run(seed: int) -> list[bool]:
        world = TelegramServer(validate=False, seed=seed)
        world.fault("*", "500", probability=0.5, times=None)
        return [world.faults.next("getme") is not None for _ in range(20)]

    assert run(1) == run(1)
    assert 0 < sum(run(1)) < 20


async def test_updates_may_come_twice_out_of_order_and_with_strange_ids(
    server: TelegramServer, bot: Bot, ana: User
) -> None:
    def say(*words: str) -> None:
        for word in words:
            server.say(ana, ana.id, word)

    server.fault("update", "duplicate")
    say("one")
    (first,) = await fetch(bot)
    assert await fetch(bot, offset=first.update_id + 1) == (first,)
    assert await fetch(bot, offset=first.update_id + 1) == ()
    server.fault("update", "reorder")
    say("a", "b", "c")
    batch = await fetch(bot, offset=first.update_id + 2 - 1)
    ids = [update.update_id for update in batch]
    assert ids != sorted(ids)
    assert len(ids) == 3
    server.fault("update", "gap", size=500)
    say("late")
    late = (await fetch(bot, offset=max(ids) + 1))[0].update_id
    assert late == max(ids) + 501
    server.updates.clear()
    server.fault("update", "jump")
    say("jumped")
    (jumped,) = await fetch(bot, offset=late + 1)
    assert abs(jumped.update_id - late) > 1000


# -- running it ---------------------------------------------------------------------------------------------


async def test_a_server_that_comes_back_knows_everything(server: TelegramServer, ana: User) -> None:
    poll = asyncio.create_task(call(server, "getUpdates", timeout=30))
    await server.listening()
    begin = time.monotonic()
    await server.stop()
    assert time.monotonic() - begin < 1.5
    await asyncio.gather(poll, return_exceptions=True)
    with pytest.raises(aiohttp.ClientConnectionError):
        await call(server, "getMe")
    server.say(ana, ana.id, "meanwhile")
    await server.start()
    assert (await call(server, "getUpdates"))["result"][0]["message"]["text"] == "meanwhile"


async def test_waiting_for_the_bot(server: TelegramServer, bot: Bot, ana: User, group: Chat) -> None:
    said = server.say(ana, group, "/help@solibot")

    async def answer() -> None:
        (update,) = await bot.get_updates(timeout=5)
        assert update.message is not None
        await update.message.reply_text("Here is help.")

    task = asyncio.create_task(answer())
    assert (await server.reply(said)).text == "Here is help."
    await task
    assert [c.method for c in server.calls] == ["getMe", "getUpdates", "sendMessage"]
    assert server.called("sendMessage")[0].params["text"] == "Here is help."
    with pytest.raises(TimeoutError):
        await server.reply(said.chat.messages[2], within=0.05)


async def test_users_act_over_http_too() -> None:
    server = TelegramServer(validate=False, control_port=0)
    async with server, aiohttp.ClientSession() as session:

        async def control(name: str, **arguments: Any) -> Any:
            async with session.post(f"{server.control_url}/{name}", json=arguments) as answer:
                body = await answer.json()
                assert answer.status == (200 if body["ok"] else 400)
                return body.get("result", body.get("error"))

        ana = await control("user", user_id=7, first_name="Ana")
        place = await control("group", title="Kitchen", creator=7)
        assert place["members"] == {"7": "creator", str(server.bot.id): "member"}
        said = await control("say", user=7, chat=place["id"], text="/help@solibot")
        assert len((await call(server, "getUpdates"))["result"]) == 1
        markup = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}
        await call(server, "sendMessage", chat_id=place["id"], text="Help", reply_markup=markup)
        reply = await control("next_message", chat=place["id"], after=said["id"])
        assert reply["buttons"] == [[{"label": "Yes", "data": "y", "url": None}]]
        tap = await control("tap", user=ana["id"], chat=place["id"], message=reply["id"], button="Yes")
        await call(server, "answerCallbackQuery", callback_query_id=tap["id"], text="Done")
        assert (await control("answer", tap=tap["id"]))["text"] == "Done"
        assert "no button" in await control("tap", user=7, chat=place["id"], message=reply["id"], button="No")
        assert "no control" in await control("stop")
        assert [c["method"] for c in await control("calls")] == ["getUpdates", "sendMessage", "answerCallbackQuery"]
        await control("latency_seconds", value=0.001)
        await control("fault", method="sendMessage", kind="429", retry_after=3)
        assert (await call(server, "sendMessage", chat_id=place["id"], text="x"))["parameters"]["retry_after"] == 3


def test_as_its_own_process_it_is_light() -> None:
    light = "import sys; from tests.servers.telegram_api import TelegramServer as T; T(validate=False); "
    subprocess.run([sys.executable, "-c", light + "sys.exit('aiogram' in sys.modules)"], check=True, timeout=20)
    command = [sys.executable, "-m", "tests.servers.telegram_api", "--no-validate", "--token", "5:abc"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
        finally:
            process.terminate()
    assert ready["port"] != ready["control_port"]
    assert ready["base_url"].endswith(f":{ready['port']}/bot")
