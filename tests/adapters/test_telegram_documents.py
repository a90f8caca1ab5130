"""Files over the Bot API: a list of people comes in with a caption, and what is kept about somebody goes out."""

from __future__ import annotations

import json
from pathlib import Path

from tests.adapters.test_telegram_conversations import riverside


async def test_a_list_comes_in_as_a_file_with_the_command_under_it(practice_folder: Path) -> None:
    async with riverside(practice_folder) as telegram:
        ana = telegram.person("ana")
        private = telegram.server.private(ana)
        table = "name,spoken for by\nRosa Gil,@chi\nUwe Mann,\n".encode("utf-8-sig")
        telegram.server.upload(ana, private, "people.csv", table, caption="/list")
        await telegram.quiet()
        shown = telegram.server.messages(private, by_bot=True)[-1].text or ""
        assert shown.startswith("I can add 2 people:")
        assert "Rosa Gil and Uwe Mann" in shown


async def test_a_file_that_is_no_text_is_refused_and_loses_nothing(practice_folder: Path) -> None:
    async with riverside(practice_folder) as telegram:
        ana = telegram.person("ana")
        private = telegram.server.private(ana)
        telegram.server.upload(ana, private, "people.xlsx", b"PK\x03\x04\x00\x00", caption="/list")
        await telegram.quiet()
        assert "name" in (telegram.server.messages(private, by_bot=True)[-1].text or "")
        assert telegram.app.dispatcher.incidents == 0


async def test_what_is_kept_about_somebody_arrives_as_a_file_for_them_alone(practice_folder: Path) -> None:
    async with riverside(practice_folder) as telegram:
        await telegram.say("chi", "/thank @ben 1h fixed the bike", telegram.group)
        before = len(telegram.server.messages(telegram.group, by_bot=True))
        await telegram.say("chi", "/export me", telegram.group)
        private = telegram.server.private(telegram.person("chi"))
        sent = [one for one in telegram.server.messages(private, by_bot=True) if "document" in one.content]
        assert len(sent) == 1
        _, content = telegram.server.files[sent[0].content["document"]["file_id"]]
        told = json.loads(content)
        assert [one["note"] for one in told["exchanges"]] == ["fixed the bike"]
        in_group = telegram.server.messages(telegram.group, by_bot=True)[before:]
        assert not any("document" in one.content for one in in_group)
