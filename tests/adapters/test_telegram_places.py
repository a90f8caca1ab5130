"""Where an alert is, over the Bot API: where to meet is shown in private and deleted there; nothing exact goes out."""

from __future__ import annotations

from pathlib import Path

from tests.adapters.test_telegram_conversations import Telegram, riverside
from tests.servers.telegram_sending import DELETABLE_SECONDS

MEETING, EXACT = "Xylophonbrunnen", "Zwetschgengasse"


async def begun(telegram: Telegram) -> None:
    """Chi comes to an alert, and has asked where to meet."""
    for step in (
        "ana: /alert eviction Main St, 20 people, until 23:00",
        "chi: [In 10 min]",
        f"ana (dm): /alert 1 meet {MEETING}",
        "chi (dm): [Where do we meet?]",
    ):
        await telegram.step(step)


async def test_the_meeting_point_is_deleted_in_the_private_chat(practice_folder: Path) -> None:
    async with riverside(practice_folder) as telegram:
        await begun(telegram)
        chat = telegram.server.private(telegram.person("chi"))
        [shown] = [one for one in telegram.server.messages(chat, by_bot=True) if MEETING in (one.text or "")]
        await telegram.step("skip 119m")
        assert not shown.deleted
        await telegram.step("skip 2m")
        assert shown.deleted
        assert telegram.server.violations == []


async def test_what_is_too_old_to_be_deleted_says_nothing_any_more(practice_folder: Path) -> None:
    async with riverside(practice_folder) as telegram:
        await begun(telegram)
        chat = telegram.server.private(telegram.person("chi"))
        [shown] = [one for one in telegram.server.messages(chat, by_bot=True) if MEETING in (one.text or "")]
        shown.date -= DELETABLE_SECONDS
        await telegram.step("skip 121m")
        assert not shown.deleted
        assert shown.text == "What stood here is not shown any more."


async def test_no_exact_place_goes_over_telegram(practice_folder: Path) -> None:
    async with riverside(practice_folder) as telegram:
        await begun(telegram)
        await telegram.step(f"ana (dm): /alert 1 address {EXACT}")
        private = [telegram.server.private(telegram.person(who)) for who in ("ana", "chi")]
        everything = [one for chat in (telegram.group, *private) for one in telegram.server.messages(chat, by_bot=True)]
        assert any("Delete your message now." in (one.text or "") for one in everything)
        assert not any(EXACT in (one.text or "") for one in everything)
