"""After an alert: how it went, without names; when its content goes; and the hours of those who came."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from bot.adapters.console import NoSuchButton
from storage import alerts, due
from storage.database import Reader
from tests.conftest import Town, two_decide
from tests.test_forgetting import Folder, folder  # noqa: F401 - a fixture

RAISED = "/alert eviction Zwetschgenplatz 5, Quittengespenst, 2 people, 1 van, until 14:00"


async def _an_alert(town: Town) -> None:
    """Raised by Ana at once, confirmed by Ben, Chi comes and is there after 20 minutes, Eli cannot; over after 40."""
    await town.skip("16h")
    await town.says("ana", RAISED)
    await town.skip("4m")
    await town.presses("ben", "I can confirm it")
    await town.presses("chi", "In 10 min")
    await town.presses("eli", "I can't")
    await town.skip("16m")
    await town.whispers("chi", "/alert 1")
    await town.presses("chi", "I'm there")
    await town.skip("20m")
    await town.says("ana", "/alert 1 end")


async def _press(town: Town, who: str, label: str) -> str:
    """Somebody presses a button in private. What they are told then."""
    before = len(town.heard(who))
    await town.presses(who, label)
    return "\n".join(town.heard(who)[before:])


def _card(town: Town) -> str:
    return next(words for words in reversed(town.sees()) if words.startswith("ALERT 1"))


# --- how it was --------------------------------------------------------------------------------------------------


async def test_some_hours_later_whoever_took_part_is_asked_and_nobody_else(town: Town) -> None:
    await _an_alert(town)
    before = {who: len(town.heard(who)) for who in ("ana", "ben", "chi", "eli")}
    await town.skip("2h 50m")
    assert not any("Was it real?" in words for who in before for words in town.heard(who))
    await town.skip("20m")
    asked = {who for who, count in before.items() if any("Was it real?" in w for w in town.heard(who)[count:])}
    assert asked == {"ana", "ben", "chi"}
    assert "Did you hear of it in time?" in await _press(town, "chi", "Yes")
    assert "What should be otherwise the next time?" in await _press(town, "chi", "No")
    await town.presses("chi", "Write it")
    assert "Thank you." in await town.whispers("chi", "earlier, and with a megaphone")
    await town.skip("1d")
    assert sum("Was it real?" in words for words in town.heard("chi")) == 1


async def test_at_night_i_am_asked_in_the_morning(town: Town) -> None:
    await town.says("ana", "/alert raid Dock 3, until 21:30")
    await town.presses("chi", "In 10 min")
    await town.skip("40m")
    await town.says("ana", "/alert 1 end")
    planned = await town.practice.app.database.read(lambda tx: due.at(tx, "alert:1:debrief"))
    assert planned == datetime(2026, 1, 6, 8, tzinfo=UTC), "when the night of the group is over"
    await town.skip("13h")
    assert not any("Was it real?" in words for words in town.heard("chi"))
    await town.skip("30m")
    assert any("Was it real?" in words for words in town.heard("chi"))


async def test_answers_are_shown_from_three_on_and_without_names(town: Town) -> None:
    await _an_alert(town)
    await town.skip("4h")
    for who in ("ana", "chi"):
        await town.presses(who, "Yes")
        await town.presses(who, "No")
    await town.presses("chi", "Write it")
    await town.whispers("chi", "bring a megaphone")
    told = await town.whispers("eli", "/alert 1 timeline")
    assert "Was it real?" not in told
    assert "megaphone" not in told
    await town.presses("ben", "Don't know")
    await town.presses("ben", "Yes")
    told = await town.whispers("eli", "/alert 1 timeline")
    assert "Was it real? Yes: 2, no: 0, don't know: 1" in told
    assert "In time? Yes: 1, no: 2, don't know: 0" in told
    assert "- bring a megaphone" in told
    assert not re.search("Ana|Ben|Chi|Eli", told)
    log = await town.whispers("eli", "/log decisions")
    assert "Alert 1: somebody wrote what should be otherwise." in log
    assert "megaphone" not in log
    await town.books_are_sound()


async def test_i_may_think_again_and_write_again(town: Town) -> None:
    await _an_alert(town)
    await town.skip("4h")
    for who in ("ana", "ben", "chi"):
        await town.presses(who, "No")
        await town.presses(who, "Yes")
    for words in ("more banners", "fewer banners"):
        await town.presses("chi", "Yes")
        await town.presses("chi", "Write it")
        await town.whispers("chi", words)
    told = await town.whispers("ana", "/alert 1 timeline")
    assert "fewer banners" in told
    assert "more banners" not in told
    await town.presses("chi", "Yes")
    await town.presses("chi", "Write it")
    assert "too long" in await town.whispers("chi", "x" * 301)
    await town.books_are_sound()


# --- the timeline ------------------------------------------------------------------------------------------------


async def test_the_timeline_tells_what_happened_and_not_who_it_was(town: Town) -> None:
    await _an_alert(town)
    told = await town.says("eli", "/alert 1 timeline")
    assert told.split(" / ") == [
        "ALERT 1: eviction",
        "Raised: Tue, Jan 6 10:00",
        "After 4 min: confirmed by somebody else.",
        "After 4 min: the first said they come.",
        "After 20 min: the first was there.",
        "Over after 40 min.",
        "2 were told in private.",
        "The first answer came after 4 min.",
        "1 said they come.",
        "1 was there.",
        "Needs met: 0 of 2",
    ]


async def test_the_timeline_can_be_seen_while_it_goes_on_and_from_the_card_when_it_is_over(town: Town) -> None:
    await town.says("ana", RAISED)
    await town.whispers("ana", "/alert 1 update they are inside")
    assert "news: “they are inside” (as it was written)" in await town.whispers("eli", "/alert 1 timeline")
    await town.presses("chi", "More …")
    told = await _press(town, "chi", "What happened when")
    assert told.endswith("It goes on.")
    await town.says("ana", "/alert 1 cancel")
    assert "It was cancelled" in await town.presses("eli", "How it went")


# --- how long it is kept -----------------------------------------------------------------------------------------


async def test_after_thirty_days_only_figures_are_left(town: Town) -> None:
    await _an_alert(town)
    await town.skip("29d")
    assert "deleted" not in _card(town)
    await town.skip("3d")
    assert _card(town).split(" / ") == [
        "ALERT 1: eviction",
        "It is over.",
        "What was said in it is deleted; figures are kept.",
        "2 were told in private.",
        "The first answer came after 4 min.",
        "1 said they come.",
        "1 was there.",
        "Needs met: 0 of 2",
    ]
    told = await town.whispers("chi", "/alert 1 timeline")
    assert "What was said in it is deleted; figures are kept." in told
    assert "After" not in told
    await town.books_are_sound()


async def test_the_committee_says_how_long_it_is_kept(town: Town) -> None:
    await two_decide(town.practice.app.database)
    assert "At most 90 days" in (await town.says("ana", "/alert_keep 91d") + " ".join(town.heard("ana")))
    await town.says("ana", "/alert_keep 5d")
    await town.presses("ben", "Agree")
    assert any("deleted 5 days after it is over" in words for words in town.sees())
    await _an_alert(town)
    await town.skip("4d")
    assert "deleted" not in _card(town)
    await town.skip("3d")
    assert "What was said in it is deleted" in _card(town)


async def test_an_alert_that_expired_by_itself_is_deleted_too_and_stays_expired(town: Town) -> None:
    await town.says("ana", RAISED)
    await town.skip("40d")
    assert "Its time is over." in _card(town)
    assert "What was said in it is deleted" in _card(town)
    told = await town.whispers("chi", "/alert 1 end")
    assert "is over" in " ".join([told, *town.heard("chi")[-1:]])


async def test_what_was_said_is_in_no_file_any_more(folder: Folder) -> None:  # noqa: F811
    await folder.group("ana", RAISED)
    await folder.practice.settle()
    for who in ("ben", "chi"):
        await folder.private(who, "/alert 1")
        await folder.practice.settle()
    await folder.practice.press("ben", "I can confirm it")
    await folder.practice.press("chi", "In 10 min")
    assert folder.words_in("Zwetschgenplatz Quittengespenst")
    await folder.group("ana", "/alert 1 end")
    await folder.practice.skip(timedelta(hours=16))
    await folder.practice.press("chi", "Yes", within=folder.dm("chi"))
    await folder.practice.press("chi", "Yes", within=folder.dm("chi"))
    await folder.practice.press("chi", "Write it", within=folder.dm("chi"))
    await folder.private("chi", "Sauerkrautgewitter")
    await folder.practice.settle()
    assert folder.words_in("Sauerkrautgewitter")
    await folder.practice.skip(timedelta(days=29))
    assert folder.words_in("Sauerkrautgewitter"), "so long it is kept"
    await folder.practice.skip(timedelta(days=2))
    assert folder.words_in("Zwetschgenplatz Quittengespenst Sauerkrautgewitter") == []

    async def left(tx: Reader) -> list[int]:
        tables = [*alerts.CONTENT_TABLES, "alerts WHERE raiser_id IS NOT NULL"]
        return [int(await tx.value(f"SELECT count(*) FROM {table}")) for table in tables]

    assert await folder.practice.app.database.read(left) == [0] * (len(alerts.CONTENT_TABLES) + 1)


async def test_every_table_about_alerts_goes_with_their_content_or_is_said_to_stay(town: Town) -> None:
    async def about(tx: Reader) -> set[str]:
        rows = await tx.all(
            """SELECT DISTINCT t.name FROM sqlite_schema t, pragma_foreign_key_list(t.name) k
               WHERE t.type = 'table' AND k."table" = 'alerts' LIMIT 100"""
        )
        return {name for (name,) in rows}

    named = {*alerts.CONTENT_TABLES, *alerts.CONTENT_KEPT, *alerts.CONTENT_FREED}
    assert await town.practice.app.database.read(about) == named


# --- hours -------------------------------------------------------------------------------------------------------


async def _hours_on(town: Town, who: str = "on") -> None:
    await two_decide(town.practice.app.database)
    await town.says("ana", f"/alert_hours {who}")
    await town.presses("ben", "Agree")


async def _claims(town: Town, who: str, label: str) -> str:
    """Somebody is asked how it was, and says how long they were there. What they are told."""
    for pressed in ("Yes", "Yes", "Nothing", label):
        await town.presses(who, pressed)
    return town.heard(who)[-1]


async def test_hours_are_off_until_the_committee_turns_them_on(town: Town) -> None:
    await _an_alert(town)
    await town.skip("4h")
    assert "My hours there" not in str(town.transcript)
    for label in ("Yes", "Yes", "Nothing"):
        await town.presses("chi", label)
    assert town.heard("chi")[-1].startswith("Thank you.")
    assert "How long were you there?" not in town.heard("chi")[-1]


async def test_whoever_came_gets_their_hours_once_somebody_else_confirms_them(town: Town) -> None:
    await _hours_on(town)
    await _an_alert(town)
    await town.skip("4h")
    assert "An organizer is asked" in await _claims(town, "chi", "2 h")
    assert "Chi says to have been at alert 1 for 2 h." in "".join(town.heard("ana")[-2:])
    assert await town.balance("chi") == 0
    await town.presses("ana", "That is right")
    assert await town.balance("chi") == 120
    await town.presses("chi", "My hours there")
    assert "You have said already how long" in _refused(town, "chi", await town.whispers("chi", "1h"))
    # Neither the exchange nor the log say what it was for.
    assert "alert" not in (await town.whispers("chi", "/history")).lower()
    assert "you helped the committee, 2 h." in await town.whispers("chi", "/history")
    await town.books_are_sound()


def _refused(town: Town, who: str, said: str) -> str:
    return said or town.heard(who)[-1]


async def test_what_is_not_right_is_not_counted_and_not_asked_for_again(town: Town) -> None:
    await _hours_on(town)
    await _an_alert(town)
    await town.skip("4h")
    await _claims(town, "chi", "2 h")
    await town.presses("ana", "No")
    assert await town.balance("chi") == 0
    await town.presses("chi", "My hours there")
    assert "You have said already" in _refused(town, "chi", await town.whispers("chi", "1h"))
    await town.books_are_sound()


async def test_i_take_it_back_and_say_it_rightly(town: Town) -> None:
    await _hours_on(town)
    await _an_alert(town)
    await town.skip("4h")
    await _claims(town, "chi", "2 h")
    await town.presses("chi", "Take back")
    await town.presses("chi", "1 h")
    await town.presses("ana", "That is right")
    assert await town.balance("chi") == 60
    await town.books_are_sound()


async def test_nobody_was_out_for_longer_than_the_alert_and_the_way(town: Town) -> None:
    await _hours_on(town)
    await _an_alert(town)
    await town.skip("4h")
    for label in ("Yes", "Yes", "Nothing"):
        await town.presses("chi", label)
    with pytest.raises(NoSuchButton):
        await town.presses("chi", "3 h")
    await town.presses("chi", "Another time")
    assert "2 h 40 at most" in _refused(town, "chi", await town.whispers("chi", "2h41"))
    assert "An organizer is asked" in _refused(town, "chi", await town.whispers("chi", "2h40"))


async def test_whoever_did_not_come_gets_no_hours(town: Town) -> None:
    await _hours_on(town)
    await _an_alert(town)
    await town.skip("4h")
    for label in ("Yes", "Yes", "Nothing"):
        await town.presses("ben", label)
    assert "How long were you there?" not in town.heard("ben")[-1]
    await town.presses("chi", "My hours there")
    with pytest.raises(NoSuchButton):
        await town.presses("ben", "My hours there")


async def test_the_fund_gives_no_more_than_it_has(town: Town) -> None:
    await _hours_on(town, "fund")
    await _an_alert(town)
    await town.skip("4h")
    assert "does not have so many hours" in await _claims(town, "chi", "1 h")
    await town.says("ana", "/thank @eli 2h")
    await town.whispers("eli", "/contribute 1h30 once")
    await town.presses("chi", "My hours there")
    assert "An organizer is asked" in _refused(town, "chi", await town.presses("chi", "1 h"))
    await town.presses("ana", "That is right")
    assert await town.balance("chi") == 60
    await town.books_are_sound()


async def test_an_organizer_does_not_confirm_their_own_hours(town: Town) -> None:
    await _hours_on(town)
    await town.skip("16h")
    await town.says("chi", RAISED)
    await town.presses("ana", "In 10 min")
    await town.skip("30m")
    await town.says("chi", "/alert 1 end")
    await town.skip("4h")
    await _claims(town, "ana", "1 h")
    assert any("Ana says to have been at alert 1 for 1 h." in words for words in town.heard("ben"))
    await town.presses("ben", "That is right")
    assert await town.balance("ana") == 60


async def test_a_drill_gives_no_hours_and_asks_not_whether_it_was_real(town: Town) -> None:
    await _hours_on(town)
    await town.skip("16h")
    await town.says("ana", "/alert exercise eviction Dock 3, until 14:00")
    await town.presses("chi", "In 10 min")
    await town.says("ana", "/alert 1 end")
    await town.skip("4h")
    assert "Did you hear of it in time?" in town.heard("chi")[-1]
    assert not any("Was it real?" in words for words in town.heard("chi"))
    assert "My hours there" not in str(town.transcript)
