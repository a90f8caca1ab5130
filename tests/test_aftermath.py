"""After an alert: how it went, without names; when its content goes; and the hours of those who came."""

import re
from datetime import timedelta

from storage import alerts
from storage.database import Reader
from tests.conftest import Town, two_decide
from tests.test_forgetting import Folder, folder  # noqa: F401 - a fixture

RAISED = "/alert eviction Zwetschgenplatz 5, Quittengespenst, 2 people, 1 van, until 14:00"


async def _an_alert(town: Town, *, dan: bool = False) -> None:
    """Raised by Ana at once, confirmed by Ben, Chi comes and is there after 20 minutes, Eli cannot; over after 40."""
    await town.says("ana", RAISED)
    if dan:
        await town.says("dan", "/join")
    await town.skip("4m")
    await town.presses("ben", "I can confirm it")
    await town.presses("chi", "Coming: 10 min")
    await town.presses("eli", "I can't")
    await town.skip("16m")
    await town.whispers("chi", "/alert 1")
    await town.presses("chi", "I'm there")
    await town.skip("20m")
    await town.says("ana", "/alert 1 end")


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
    assert "Did you hear of it in time?" in await town.presses("chi", "Yes")
    assert "What should be otherwise the next time?" in await town.presses("chi", "No")
    await town.presses("chi", "Write it")
    assert "Thank you." in await town.whispers("chi", "earlier, and with a megaphone")
    await town.skip("1d")
    assert sum("Was it real?" in words for words in town.heard("chi")) == 1


async def test_at_night_i_am_asked_in_the_morning(town: Town) -> None:
    await town.says("ana", "/alert raid Dock 3")
    await town.presses("chi", "Coming: 10 min")
    await town.skip("5h 30m")
    await town.says("ana", "/alert 1 need 3 people")
    await town.says("ana", "/alert 1 until 23:00")
    await town.skip("4h")
    await town.says("ana", "/alert 1 end")
    await town.skip("6h")
    assert not any("Was it real?" in words for words in town.heard("chi"))
    await town.skip("8h")
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
        await town.presses("chi", "Write it")
        await town.whispers("chi", words)
    told = await town.whispers("ana", "/alert 1 timeline")
    assert "fewer banners" in told
    assert "more banners" not in told
    await town.presses("chi", "Write it")
    assert "too long" in await town.whispers("chi", "x" * 301)
    await town.books_are_sound()


# --- the timeline ------------------------------------------------------------------------------------------------


async def test_the_timeline_tells_what_happened_and_not_who_it_was(town: Town) -> None:
    await _an_alert(town)
    told = await town.says("eli", "/alert 1 timeline")
    assert told.split(" / ") == [
        "ALERT 1: eviction",
        "Raised: Mon, Jan 5 10:00",
        "After 4 min: confirmed by somebody else.",
        "After 4 min: the first said they come.",
        "After 20 min: the first was there.",
        "Over after 40 min.",
        "It is over.",
        "The first answer came after 4 min.",
        "1 said they come.",
        "1 was there.",
        "Of what it took, there was enough of: 0/2",
    ]


async def test_the_timeline_can_be_seen_while_it_goes_on_and_from_the_card_when_it_is_over(town: Town) -> None:
    await town.says("ana", RAISED)
    await town.presses("chi", "More …")
    told = await town.presses("chi", "What happened when")
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
        "The first answer came after 4 min.",
        "1 said they come.",
        "1 was there.",
        "Of what it took, there was enough of: 0/2",
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
    await folder.practice.press("chi", "Coming: 10 min")
    assert folder.words_in("Zwetschgenplatz Quittengespenst")
    await folder.group("ana", "/alert 1 end")
    await folder.practice.skip(timedelta(hours=4))
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

    assert await town.practice.app.database.read(about) == {*alerts.CONTENT_TABLES, *alerts.CONTENT_KEPT}


# --- hours -------------------------------------------------------------------------------------------------------


async def test_hours_are_off_until_the_committee_turns_them_on(town: Town) -> None:
    await _an_alert(town)
    await town.skip("4h")
    assert "My hours there" not in _labels(town)
    await _answers(town, "chi")
    assert "How long were you there?" not in town.heard("chi")[-1]


async def _answers(town: Town, who: str) -> None:
    for label in ("Yes", "Yes", "Nothing"):
        await town.presses(who, label)


def _labels(town: Town) -> str:
    return "\n".join(what for _, what in town.practice_transcript)


async def _hours_on(town: Town, who: str = "on") -> None:
    await two_decide(town.practice.app.database)
    await town.says("ana", f"/alert_hours {who}")
    await town.presses("ben", "Agree")
